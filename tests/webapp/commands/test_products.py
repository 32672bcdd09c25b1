"""`flask products`."""

from __future__ import annotations

import json
from pathlib import Path

from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from tests.webapp.products.files import E3, file, row, sku
from webapp.extensions import db
from webapp.models import Product, ProductName


def test_products_are_listed_with_where_their_names_come_from(run_command: FlaskCliRunner, make: Make) -> None:
    make.license(product=make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3"))
    make.product(sku_id=sku(1), part_number="OWN", name="Ours", own_name="Ours")
    listed = json.loads(run_command.invoke(args=["products", "list", "--json"]).output)
    assert listed == [
        {
            "name": "Microsoft 365 E3",
            "part_number": "SPE_E3",
            "sku_id": E3,
            "source": "shipped",
            "own_name": None,
            "licenses": 1,
        },
        {"name": "Ours", "part_number": "OWN", "sku_id": sku(1), "source": "own", "own_name": "Ours", "licenses": 0},
    ]
    assert "Microsoft 365 E3" in run_command.invoke(args=["products", "list"]).output


def test_a_dry_run_prints_what_would_change_and_an_import_does_it(
    run_command: FlaskCliRunner, make: Make, tmp_path: Path
) -> None:
    make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    path = tmp_path / "names.csv"
    path.write_bytes(
        file(row("Three", "SPE_E3", E3), row("First", "TWO", sku(2)), row("Second", "TWO", sku(2)), row("x", "X", "x"))
    )
    dry = run_command.invoke(args=["products", "import", str(path), "--dry-run"])
    assert dry.exit_code == 0
    assert dry.stdout.splitlines() == [
        "Would import the names of products: 2 in the file, 1 new, 1 changed, 0 unchanged.",
        "  Microsoft 365 E3 -> Three  [SPE_E3]",
        "Several spellings of TWO: took First (1), not Second (1).",
    ]
    assert dry.stderr == "Line 5 left out: “x” is not a GUID.\n"
    assert db.session.query(ProductName).count() == 0
    db.session.rollback()
    done = run_command.invoke(args=["products", "import", str(path)])
    assert done.stdout.startswith("Imported the names of products: 2 in the file, 1 new, 1 changed, 0 unchanged.")
    assert db.session.query(Product.name).scalar() == "Three"


def test_a_file_that_is_no_list_ends_with_a_sentence(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    path = tmp_path / "names.pdf"
    path.write_bytes(b"%PDF-1.7")
    result = run_command.invoke(args=["products", "import", str(path)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: This is a PDF document, not a CSV file.")


def test_a_file_that_is_not_there_is_told(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    result = run_command.invoke(args=["products", "import", str(tmp_path / "nowhere.csv")])
    assert result.exit_code == 2
    assert "nowhere.csv" in result.stderr
