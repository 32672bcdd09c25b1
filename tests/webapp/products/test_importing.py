"""What an import changes, says beforehand, and does."""

from __future__ import annotations

import io
import threading
from contextvars import Context
from datetime import timedelta

from flask import Flask

from tests.support.factories import Make
from tests.webapp.products.files import E3, E5, file, row, sku
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import PendingImport, Product, ProductName, utc_now
from webapp.models.pending_import import PENDING_LIFETIME
from webapp.models.product_edition import names_for
from webapp.products import importing, naming
from webapp.products.edition import Edition
from webapp.products.reading import read


def edition(*rows: tuple[str, ...]) -> Edition:
    return read(io.BytesIO(file(*rows)))


def imported(*rows: tuple[str, ...]) -> importing.Plan:
    done = importing.apply(db.session, edition(*rows), utc_now())
    db.session.commit()
    return done


def stored_names() -> dict[str, str]:
    return {stored.sku_id: stored.name for stored in db.session.query(ProductName)}


def test_a_dry_run_tells_new_changed_and_unchanged_names_and_writes_nothing(make: Make) -> None:
    imported(row("One", "ONE", sku(1)), row("Two", "TWO", sku(2)), row("Dropped", "OLD", sku(9)))
    plan = importing.plan(
        db.session, edition(row("One", "ONE", sku(1)), row("Two!", "TWO", sku(2)), row("Three", "THREE", sku(3)))
    )
    assert (plan.total, plan.unchanged, plan.kept) == (3, 1, 1)
    assert [product.name for product in plan.new] == ["Three"]
    assert [(change.before, change.after, change.is_seen) for change in plan.changed] == [("Two", "Two!", False)]
    assert stored_names()[sku(2)] == "Two"
    assert not db.session.dirty


def test_a_name_of_the_shipped_table_is_known_before_any_import(app: Flask) -> None:
    plan = importing.plan(db.session, edition(row("Microsoft 365 E3", "SPE_E3", E3), row("E5", "SPE_E5", E5)))
    assert (plan.new, plan.unchanged) == ((), 1)
    assert [(change.before, change.after) for change in plan.changed] == [("Microsoft 365 E5", "E5")]


def test_an_import_does_what_its_dry_run_told(make: Make) -> None:
    make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    rows = (row("Three", "SPE_E3", E3), row("Five", "SPE_E5", E5), row("Ten", "TEN", sku(10)))
    plan = importing.plan(db.session, edition(*rows))
    assert imported(*rows) == plan
    assert plan.shown_anew == 1
    assert stored_names() == {E3: "Three", E5: "Five", sku(10): "Ten"}


def test_a_product_s_name_changes_with_what_is_sorted_and_searched_by(make: Make) -> None:
    product = make.product(sku_id=sku(1), part_number="BRAND_NEW", name="BRAND_NEW")
    imported(row("ÄLPHA", "BRAND_NEW", sku(1)))
    assert (product.name, product.name_folded, product.search_folded) == ("ÄLPHA", "älpha", "älpha brand_new")


def test_importing_again_changes_nothing(make: Make) -> None:
    make.product(sku_id=sku(1), part_number="ONE", name="ONE")
    rows = (row("One", "ONE", sku(1)), row("Two", "TWO", sku(2)))
    assert imported(*rows).shown_anew == 1
    again = imported(*rows)
    assert (again.new, again.changed, again.unchanged) == ((), (), 2)
    assert len(stored_names()) == 2


def test_names_of_earlier_imports_that_a_file_lacks_stay(make: Make) -> None:
    product = make.product(sku_id=sku(1), part_number="ONE", name="ONE")
    imported(row("One", "ONE", sku(1)))
    assert imported(row("Two", "TWO", sku(2))).kept == 1
    assert product.name == "One"


def test_a_product_that_no_edition_names_keeps_its_name(make: Make) -> None:
    product = make.product(sku_id=sku(1), part_number="ONE", name="Something")
    imported(row("Two", "TWO", sku(2)))
    assert product.name == "Something"


def test_an_own_name_wins_over_an_import_and_the_dry_run_says_so(make: Make) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Ours", own_name="Ours")
    plan = imported(row("Three", "SPE_E3", E3))
    [change] = plan.changed
    assert (change.before, change.after, change.own_name) == ("Microsoft 365 E3", "Three", "Ours")
    assert plan.shown_anew == 0
    assert product.name == "Ours"


def test_clearing_an_own_name_goes_back_to_what_was_imported_meanwhile(make: Make) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    naming.name(db.session, product, "Ours")
    assert (product.name, product.name_folded) == ("Ours", "ours")
    imported(row("Three", "SPE_E3", E3))
    naming.name(db.session, product, "")
    assert (product.name, product.own_name) == ("Three", "")


def test_a_product_of_another_sku_id_is_named_by_its_part_number_where_that_means_one_name(make: Make) -> None:
    one = make.product(sku_id=sku(1), part_number="Shared", name="Shared")
    two = make.product(sku_id=sku(2), part_number="SPLIT", name="SPLIT")
    plan = imported(
        *(row("The same", "SHARED", sku(number)) for number in (10, 11)),
        row("This", "SPLIT", sku(12)),
        row("That", "SPLIT", sku(13)),
    )
    assert (one.name, two.name) == ("The same", "SPLIT")
    assert (len(plan.new), plan.unchanged, [change.sku_id for change in plan.changed]) == (4, 0, [sku(1)])


def test_names_for_many_products_take_one_query(make: Make, count_queries: list[str]) -> None:
    imported(*(row(f"Name {number}", f"N{number}", sku(number)) for number in range(60)))
    count_queries.clear()
    names = names_for(db.session, {sku(number): f"N{number}" for number in range(60)})
    assert names.find(sku(59), "") == "Name 59"
    assert len([statement for statement in count_queries if "FROM product_name" in statement]) == 1


def test_a_large_import_takes_no_more_queries_than_a_small_one(make: Make, count_queries: list[str]) -> None:
    def statements(number: int) -> int:
        for n in range(number):
            make.product(sku_id=sku(1000 * number + n), part_number="P", name="P")
        count_queries.clear()
        imported(*(row(f"Name {n}", f"N{n}", sku(1000 * number + n)) for n in range(number)))
        return len(count_queries)

    assert statements(3) == statements(100)


def test_an_import_that_fails_changes_nothing(make: Make) -> None:
    product = make.product(sku_id=sku(1), part_number="ONE", name="ONE")
    importing.apply(db.session, edition(row("One", "ONE", sku(1))), utc_now())
    db.session.rollback()
    assert (product.name, stored_names()) == ("ONE", {})


def test_a_product_made_while_an_import_runs_gets_the_imported_name(app: Flask, make: Make) -> None:
    """Whoever makes a product meanwhile either waits for the import, or the import for them."""
    make.user()
    declare_writing()
    importing.apply(db.session, edition(row("One", "ONE", sku(1))), utc_now())
    found: list[str] = []

    def look_up() -> None:
        with app.app_context():
            declare_writing()
            names = names_for(db.session, {sku(1): "ONE"}, to_write=True)
            found.append(names.name_and_source(sku(1), "ONE")[0])
            db.session.rollback()

    thread = threading.Thread(target=Context().run, args=(look_up,))
    thread.start()
    thread.join(0.3)
    assert found == []
    db.session.commit()
    thread.join(60)
    assert found == ["One"]


def test_an_upload_is_kept_for_its_user_alone_and_one_at_a_time(make: Make) -> None:
    mine, other = make.user().id, make.user().id
    first = importing.keep(db.session, mine, "first.csv", edition(row("One")))
    db.session.commit()
    first_id = first.id
    second = importing.keep(db.session, mine, "x" * 5000 + "\x00.csv", edition(row("Two")))
    db.session.commit()
    assert db.session.query(PendingImport).count() == 1
    assert importing.pending(db.session, mine, first_id) is None or first_id == second.id
    assert importing.pending(db.session, other, second.id) is None
    assert importing.take(db.session, other, second.id) is None
    taken = importing.take(db.session, mine, second.id)
    assert taken is not None
    assert taken.products[0].name == "Two"
    assert importing.take(db.session, mine, second.id) is None


def test_an_upload_that_is_forgotten_is_not_imported_and_goes_with_the_next_one(make: Make) -> None:
    mine, other = make.user().id, make.user().id
    old = importing.keep(db.session, mine, "old.csv", edition(row("One")))
    old.created_at = utc_now() - PENDING_LIFETIME - timedelta(minutes=1)
    db.session.commit()
    assert importing.take(db.session, mine, old.id) is None
    importing.keep(db.session, other, "new.csv", edition(row("Two")))
    db.session.commit()
    assert [kept.file_name for kept in db.session.query(PendingImport)] == ["new.csv"]


def test_products_are_found_by_the_part_number_in_any_case(make: Make) -> None:
    imported(row("The name", "Mixed_Case", sku(5)))
    assert names_for(db.session, {sku(1): "MIXED_CASE"}).find(sku(1), "MIXED_CASE") == "The name"
    assert db.session.query(Product).count() == 0
