"""Files in the shape of Microsoft's list, small, and sending them to be imported."""

from __future__ import annotations

import uuid
from functools import partial

from tests.support import uploads

LIST = "/account/products"
UPLOAD = f"{LIST}/import"
HEADER = (
    "Product_Display_Name",
    "String_Id",
    "GUID",
    "Service_Plan_Name",
    "Service_Plan_Id",
    "Service_Plans_Included_Friendly_Names",
)
E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
E5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"


def sku(number: int) -> str:
    return str(uuid.UUID(int=number))


def row(name: str, part_number: str = "PART", sku_id: str = E3) -> tuple[str, ...]:
    return (name, part_number, sku_id, "PLAN", str(uuid.UUID(int=7)), "A plan")


def text(*rows: tuple[str, ...], delimiter: str = ",", header: tuple[str, ...] = HEADER, end: str = "\r\n") -> str:
    return "".join(delimiter.join(map(_quoted, cells)) + end for cells in (header, *rows))


def file(*rows: tuple[str, ...], encoding: str = "utf-8") -> bytes:
    return text(*rows).encode(encoding)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',;"\n\t') else cell


upload = partial(uploads.upload, to=UPLOAD)
reviewed = partial(uploads.reviewed, to=UPLOAD)
