"""Very many users in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .user_facts import Held, UserFacts

# Between two texts. All of a user's are on one line, so none has it within.
_BETWEEN = "\n"
# Where, in what is packed, the addresses begin, of which there may be any number; all before is there once.
_TEXTS = 9
# What a user takes beside its text: its id, and its place among the others; and what a license of a combination takes.
_BYTES_OF_A_USER = 160
_BYTES_OF_A_LICENSE = 200
# So many are kept as they are: that takes half a megabyte, and no time.
_FEW = 500


class PackedUsers(Mapping[str, UserFacts]):
    """Users by id: the first few as they are, all others as the bytes of their texts, unpacked anew each time.

    As objects, a hundred thousand users take several times as much. What most hold is the same few combinations of
    licenses, each of which is kept once.
    """

    def __init__(self) -> None:
        self._users: dict[str, UserFacts | bytes] = {}
        self._numbers: dict[tuple[Held, ...], int] = {}
        self._combinations: list[tuple[Held, ...]] = []
        # In bytes, about what all of it takes.
        self.size = 0

    def add(self, facts: UserFacts) -> None:
        """Put the user in; of one that is there, these facts count."""
        if len(self._users) < _FEW:
            self._users[facts.user_id] = facts
        else:
            packed = self._users[facts.user_id] = self._pack(facts)
            self.size += len(packed) + _BYTES_OF_A_USER

    def _pack(self, facts: UserFacts) -> bytes:
        number = self._numbers.get(facts.held)
        if number is None:
            number = self._numbers[facts.held] = len(self._combinations)
            self._combinations.append(facts.held)
            self.size += len(facts.held) * _BYTES_OF_A_LICENSE
        # The address to write to is the first of the addresses, and most often the user principal name as well.
        same = facts.user_principal_name == facts.email
        texts = (
            str(number),
            f"{facts.is_guest:d}{facts.is_blocked:d}{same:d}",
            facts.name,
            facts.first_name,
            facts.last_name,
            facts.title,
            facts.phone,
            facts.mobile,
            "" if same else facts.user_principal_name,
            *facts.addresses,
        )
        return _BETWEEN.join(texts).encode()

    def __getitem__(self, user_id: str) -> UserFacts:
        user = self._users[user_id]
        return self._unpack(user_id, user) if isinstance(user, bytes) else user

    def _unpack(self, user_id: str, packed: bytes) -> UserFacts:
        texts = packed.decode().split(_BETWEEN)
        number, flags, name, first_name, last_name, title, phone, mobile, principal_name = texts[:_TEXTS]
        addresses = tuple(texts[_TEXTS:])
        email = addresses[0] if addresses else ""
        return UserFacts(
            user_id,
            name,
            first_name,
            last_name,
            title,
            phone,
            mobile,
            email,
            email if flags[2] == "1" else principal_name,
            addresses,
            flags[0] == "1",
            flags[1] == "1",
            self._combinations[int(number)],
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._users)

    def __len__(self) -> int:
        return len(self._users)

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._users
