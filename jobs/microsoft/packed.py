"""Very many users in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .user_facts import Held, UserFacts

# Between two texts. All of a user's are on one line, so none has it within.
_BETWEEN = "\n"
# Where, in what is packed, the addresses begin, of which there may be any number; all before is there once.
_TEXTS = 9


class PackedUsers(Mapping[str, UserFacts]):
    """Users by id, each kept as the bytes of its texts and unpacked when it is asked for, anew each time.

    As objects, a hundred thousand users take several times as much. What most hold is the same few combinations of
    licenses, each of which is kept once.
    """

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._numbers: dict[tuple[Held, ...], int] = {}
        self._combinations: list[tuple[Held, ...]] = []

    def add(self, facts: UserFacts) -> None:
        """Put the user in; of one that is there, these facts count."""
        number = self._numbers.get(facts.held)
        if number is None:
            number = self._numbers[facts.held] = len(self._combinations)
            self._combinations.append(facts.held)
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
        self._packed[facts.user_id] = _BETWEEN.join(texts).encode()

    def __getitem__(self, user_id: str) -> UserFacts:
        texts = self._packed[user_id].decode().split(_BETWEEN)
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
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._packed
