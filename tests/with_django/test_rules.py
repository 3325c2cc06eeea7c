"""Rules: which change forgets what, by signals and by the helpers for changes that send none."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Model
from django.db.models.signals import post_save, pre_delete
from django.test.utils import CaptureQueriesContext

from hitrate.django import bulk, changing, explain, key, pattern, register, tag, unregister
from hitrate.django import invalidation as invalidation_module
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting
from tests.with_django.shelf.models import Bargain, Book, Category, Label, Named, Product, Receipt, Unwatched

Forgotten = Callable[[], set[str]]
MODELS: tuple[type[Model], ...] = (Named, Category, Label, Product, Bargain, Book, Receipt)


@pytest.fixture(autouse=True)
def _rows(_tables: None) -> Iterator[None]:
    yield
    for model in MODELS:
        unregister(model)
    for model in (Book, Product, Category, Label, Receipt, Unwatched):
        model.objects.all().delete()


@pytest.fixture
def forgotten(django_cache: Any, monkeypatch: pytest.MonkeyPatch) -> Forgotten:
    """What was forgotten since the last call, as ``kind:name``."""
    seen: list[Forgetting] = []
    forget = invalidation_module.forget

    def spy(client: Any, what: Forgetting, version: Any = None) -> int | None:
        seen.append(what)
        return forget(client, what, version)

    monkeypatch.setattr(invalidation_module, "forget", spy)

    def take() -> set[str]:
        found = {f"key:{name}" for what in seen for name in what.keys}
        found |= {f"pattern:{name}" for what in seen for name in what.patterns}
        found |= {f"tag:{name}" for what in seen for name in what.tags}
        seen.clear()
        return found

    return take


def test_saving_and_deleting_forgets_what_the_rules_name(forgotten: Forgotten) -> None:
    register(Product, forgets=["products:list", "products:*:x", tag("product:{pk}"), key("product:{pk}:*")])
    product = Product.objects.create(name="Lamp")
    expected = {"key:products:list", "pattern:products:*:x", f"tag:product:{product.pk}", f"key:product:{product.pk}:*"}
    assert forgotten() == expected
    product.save()
    assert forgotten() == expected
    Product.objects.get_or_create(name="Lamp")
    assert forgotten() == set()
    product.delete()
    assert forgotten() == expected


def test_what_an_instance_holds_stands_for_itself_in_a_pattern(forgotten: Forgotten) -> None:
    register(Product, forgets=["search:{name}:*", pattern("by-initial:{initial}:*"), tag("{{{name}}}")])
    Product.objects.create(name="*[a]?")
    assert forgotten() == {r"pattern:search:\*\[a\]\?:*", r"pattern:by-initial:\*:*", "tag:{*[a]?}"}


def test_a_callable_is_given_the_instance_and_may_take_the_signal(forgotten: Forgotten) -> None:
    said: list[dict[str, Any]] = []

    def of_all(product: Product, **signal: Any) -> Any:
        said.append(signal)
        return [f"product:{product.pk}", tag("all"), [key("nested")], None]

    register(Product, forgets=[of_all, lambda product: f"named:{product.name}"])
    product = Product.objects.create(name="Lamp")
    assert forgotten() == {f"key:product:{product.pk}", "tag:all", "key:nested", "key:named:Lamp"}
    assert (said[0]["created"], said[0]["using"], said[0]["raw"]) == (True, "default", False)
    assert said[0]["signal"] is post_save


def test_the_value_of_before_is_forgotten_too(forgotten: Forgotten) -> None:
    register(Product, forgets=[tag("category:{category}"), key("category:{category_id}:{name}"), "products"])
    three, four = Category.objects.create(name="3"), Category.objects.create(name="4")
    product = Product.objects.create(name="Lamp", category=three)
    forgotten()
    product.category = four
    product.name = "Light"
    product.save()
    assert forgotten() == {
        f"tag:category:{three.pk}",
        f"tag:category:{four.pk}",
        f"key:category:{three.pk}:Lamp",
        f"key:category:{four.pk}:Light",
        "key:products",
    }


def test_the_value_of_before_outlives_a_save_within_the_save(forgotten: Forgotten) -> None:
    def save_again(instance: Product, created: bool, **_: Any) -> None:
        if not created and instance.name == "Lamp":
            instance.name = "Light"
            instance.save()

    post_save.connect(save_again, sender=Product)
    try:
        register(Product, forgets=tag("category:{category}"))
        three, four = Category.objects.create(name="3"), Category.objects.create(name="4")
        product = Product.objects.create(name="Lamp", category=three)
        forgotten()
        product.category = four
        product.save()
    finally:
        post_save.disconnect(save_again, sender=Product)
    assert forgotten() == {f"tag:category:{three.pk}", f"tag:category:{four.pk}"}


def test_the_value_of_before_outlives_a_save_that_failed(forgotten: Forgotten) -> None:
    register(Product, forgets=tag("category:{category}"))
    category = Category.objects.create(name="3")
    product = Product.objects.create(name="Lamp", category=category)
    forgotten()
    product.category = None
    with pytest.raises(ValueError, match="nothing"):
        product.save(update_fields=["nothing"])
    product.name = None  # type: ignore[assignment]
    with pytest.raises(IntegrityError):
        product.save()
    product.name = "Light"
    product.save()
    assert forgotten() == {f"tag:category:{category.pk}", "tag:category:None"}


@pytest.mark.parametrize("how", ["instance", "queryset"])
def test_what_was_not_loaded_is_read_before_it_is_deleted(forgotten: Forgotten, how: str) -> None:
    register(Product, forgets=tag("category:{category}"))
    category = Category.objects.create(name="3")
    Product.objects.create(name="Lamp", category=category)
    forgotten()
    some = Product.objects.only("name")
    (some.get() if how == "instance" else some).delete()
    assert forgotten() == {f"tag:category:{category.pk}"}


def test_a_callable_finds_what_is_deleted_and_removed_with_an_instance(forgotten: Forgotten) -> None:
    register(Label, forgets=lambda label: [tag(f"product:{product.pk}") for product in label.products.all()])
    product, label = Product.objects.create(name="Lamp"), Label.objects.create(name="new")
    for forget in (
        lambda: label.products.remove(product),
        lambda: label.products.set([]),
        product.labels.clear,
        label.delete,
    ):
        product.labels.add(label)
        forgotten()
        with transaction.atomic():
            forget()
            assert forgotten() == set()
        assert forgotten() == {f"tag:product:{product.pk}"}


@pytest.mark.parametrize("how", ["other process", "refreshed", "deferred", "by hand", "not saved"])
def test_the_value_of_before_is_what_the_database_holds(forgotten: Forgotten, how: str) -> None:
    register(Product, forgets=tag("category:{category}"))
    three, four, five = (Category.objects.create(name=str(n)) for n in (3, 4, 5))
    product = Product.objects.create(name="Lamp", category=three)
    Product.objects.update(category=four)  # sends no signal
    forgotten()
    if how == "refreshed":
        product.refresh_from_db()
    elif how == "deferred":
        product = Product.objects.defer("category").get()
    elif how == "by hand":
        product = Product(pk=product.pk, name="Lamp")
    if how == "not saved":
        product.category = five
        product.save(update_fields=["name"])
    else:
        product.category = three
        product.save()
    now = five if how == "not saved" else three
    assert forgotten() == {f"tag:category:{four.pk}", f"tag:category:{now.pk}"}


def test_no_question_is_asked_that_no_rule_needs() -> None:
    register(Product, forgets=[tag("product:{pk}"), "products:*"])
    register(Receipt, forgets=[tag("total:{total}")])
    product = Product.objects.create(name="Lamp")
    with CaptureQueriesContext(connection) as queries:
        product.save()
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        Receipt(pk=uuid.uuid4(), total=1).save()
    assert len(queries) == 1


def test_values_are_spelled_as_they_are_read(forgotten: Forgotten) -> None:
    register(Product, forgets=[tag("price:{price}"), tag("category:{category_id}")])
    register(Receipt, forgets=[tag("receipt:{pk}:{total}")])
    category = Category.objects.create(name="3")
    Product(name="Lamp", price="1.50", category_id=str(category.pk)).save()
    assert forgotten() == {"tag:price:1.50", f"tag:category:{category.pk}"}
    made_up = uuid.uuid4()
    receipt = Receipt.objects.create(pk=made_up.hex, total=1)
    assert forgotten() == {f"tag:receipt:{made_up}:1"}
    receipt.total = F("total") + 1
    receipt.save()
    assert forgotten() == {f"tag:receipt:{made_up}:1", f"tag:receipt:{made_up}:2"}
    unsound = Product(name="Lamp", price="dear")
    assert explain(unsound)[0].target.text == "price:dear"


def test_a_change_in_a_transaction_waits_for_its_commit(forgotten: Forgotten) -> None:
    register(Product, forgets=tag("product:{pk}"))
    with transaction.atomic():
        products = [Product.objects.create(name="Lamp") for _ in range(3)]
        assert forgotten() == set()
    assert forgotten() == {f"tag:product:{one.pk}" for one in products}
    with suppress(ZeroDivisionError), transaction.atomic():
        products[0].delete()
        raise ZeroDivisionError
    assert forgotten() == set()


def test_a_cascade_forgets_too(forgotten: Forgotten) -> None:
    register(Product, forgets=tag("category:{category}"))
    category = Category.objects.create(name="3")
    Product.objects.create(name="Lamp", category=category)
    forgotten()
    Category.objects.all().delete()
    assert forgotten() == {f"tag:category:{category.pk}"}


def test_proxies_children_and_abstract_bases(forgotten: Forgotten) -> None:
    register(Product, forgets="products")
    register(Bargain, forgets="bargains")
    register(Book, forgets="books:{isbn}")
    register(Named, forgets="names")
    Bargain.objects.create(name="Lamp")
    assert forgotten() == {"key:products", "key:bargains", "key:names"}
    Product.objects.create(name="Lamp")
    assert forgotten() == {"key:products", "key:bargains", "key:names"}
    book = Book.objects.create(name="Novel", isbn="1")
    assert forgotten() == {"key:products", "key:bargains", "key:names", "key:books:1"}
    book.delete()
    assert "key:books:1" in forgotten()
    Category.objects.create(name="3")
    assert forgotten() == {"key:names"}


def test_fixtures_forget_and_never_fail(forgotten: Forgotten, caplog: pytest.LogCaptureFixture) -> None:
    product = Product.objects.create(name="Lamp", category=Category.objects.create(name="3"))
    fixture = serializers.serialize("json", [product])
    Category.objects.all().delete()
    register(Product, forgets=[tag("product:{pk}")])
    register(Book, forgets=[lambda book: book.category.name])
    with connection.constraint_checks_disabled():
        for loaded in serializers.deserialize("json", fixture):
            loaded.save()
    assert forgotten() == {f"tag:product:{product.pk}"}
    Product.objects.all().delete()
    register(Product, forgets=[lambda one: one.category.name])
    with connection.constraint_checks_disabled():
        for loaded in serializers.deserialize("json", fixture):
            loaded.save()
    assert "a rule of shelf.Product failed for a fixture" in caplog.text
    Product.objects.all().update(category=None)
    with pytest.raises(AttributeError):
        Product.objects.get().save()


def test_many_to_many_relations_forget_on_both_sides(forgotten: Forgotten) -> None:
    register(Product, forgets=tag("product:{pk}"))
    register(Label, forgets=tag("label:{pk}"))
    lamp, desk = (Product.objects.create(name=name) for name in ("Lamp", "Desk"))
    red, new = (Label.objects.create(name=name) for name in ("red", "new"))
    names = {one: f"tag:{type(one).__name__.lower()}:{one.pk}" for one in (lamp, desk, red, new)}
    forgotten()
    lamp.labels.add(red, new)
    assert forgotten() == {names[lamp], names[red], names[new]}
    lamp.labels.add(red)
    assert forgotten() == set()
    red.products.add(desk)
    assert forgotten() == {names[red], names[desk]}
    lamp.labels.remove(new)
    assert forgotten() == {names[lamp], names[new]}
    red.products.clear()
    assert forgotten() == {names[red], names[lamp], names[desk]}
    lamp.labels.set([new])
    assert forgotten() == {names[lamp], names[new]}
    lamp.labels.clear()
    assert forgotten() == {names[lamp], names[new]}
    lamp.similar.add(desk)
    assert forgotten() == {names[lamp], names[desk]}
    lamp.similar.clear()
    assert forgotten() == {names[lamp], names[desk]}


def test_a_relation_is_watched_from_the_side_that_has_rules(forgotten: Forgotten) -> None:
    register(Label, forgets=tag("label:{pk}"))
    lamp, red = Product.objects.create(name="Lamp"), Label.objects.create(name="red")
    forgotten()
    lamp.labels.add(red)
    assert forgotten() == {f"tag:label:{red.pk}"}


def test_saying_a_rule_again_changes_nothing(forgotten: Forgotten) -> None:
    for _ in range(3):
        register(Product, forgets=[tag("product:{pk}"), "products"])
    assert len(explain(Product(pk=1))) == 2
    unregister(Product)
    Product.objects.create(name="Lamp")
    assert forgotten() == set()
    assert not post_save.has_listeners(Product)


def test_models_without_rules_are_deleted_as_fast_as_ever() -> None:
    register(Product, forgets="products")
    assert not pre_delete.has_listeners(Unwatched)
    Unwatched.objects.create(name="x")
    with CaptureQueriesContext(connection) as queries:
        Unwatched.objects.all().delete()
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "DELETE", "COMMIT"]


@pytest.mark.parametrize("template", ["{", "{}", "{0}", "{category.name}", "{price:>10}", "{name!r}", "{a b}"])
def test_a_template_that_cannot_be_read_is_said_at_once(template: str) -> None:
    with pytest.raises(ConfigError, match="template"):
        register(Product, forgets=template)


def test_a_field_that_is_not_there_is_said(forgotten: Forgotten) -> None:
    from django.core.checks import run_checks

    register(Product, forgets=tag("product:{slug}"), cache="nothing")
    found = {message.id: message.msg for message in run_checks()}
    assert "no field 'slug'" in found["hitrate.E020"]
    assert "'nothing'" in found["hitrate.E021"]
    with pytest.raises(ConfigError, match="'slug'"):
        Product.objects.create(name="Lamp")


def test_a_callable_that_names_nonsense_is_said() -> None:
    register(Product, forgets=lambda product: 7)
    with pytest.raises(TypeError, match="'7', a int"):
        Product.objects.create(name="Lamp")


def test_explain_says_what_and_why(forgotten: Forgotten) -> None:
    def neighbours(product: Product) -> list[str]:
        return [f"product:{product.pk + 1}"]

    three, four = Category.objects.create(name="3"), Category.objects.create(name="4")
    register(Product, forgets=[tag("category:{category}"), neighbours])
    product = Product.objects.create(name="Lamp", category=three)
    forgotten()
    product.category = four
    assert [(one.target.text, str(one.rule).rpartition(".")[2], one.is_stored) for one in explain(product)] == [
        (f"category:{four.pk}", "tag('category:{category}')", False),
        (f"category:{three.pk}", "tag('category:{category}')", True),
        (f"product:{product.pk + 1}", "neighbours", False),
    ]
    assert forgotten() == set()
    assert explain(Unwatched(pk=1)) == []


def test_update_forgets_before_and_after(forgotten: Forgotten) -> None:
    register(Product, forgets=[tag("product:{pk}"), tag("category:{category}")])
    three, four = Category.objects.create(name="3"), Category.objects.create(name="4")
    lamp = Product.objects.create(name="Lamp", category=three)
    Product.objects.create(name="Desk", category=three)
    forgotten()
    assert bulk.update(Product.objects.filter(category=three, name="Lamp"), category=four) == 1
    assert forgotten() == {f"tag:product:{lamp.pk}", f"tag:category:{three.pk}", f"tag:category:{four.pk}"}
    lamp.refresh_from_db()
    assert lamp.category == four


def test_bulk_update_forgets_before_and_after(forgotten: Forgotten) -> None:
    register(Product, forgets=[tag("name:{name}")])
    products = [Product.objects.create(name=name) for name in ("Lamp", "Desk")]
    forgotten()
    for product in products:
        product.name = product.name.upper()
    assert bulk.bulk_update(Product.objects, products, ["name"]) == 2
    assert forgotten() == {"tag:name:Lamp", "tag:name:Desk", "tag:name:LAMP", "tag:name:DESK"}


def test_bulk_create_forgets(forgotten: Forgotten) -> None:
    register(Receipt, forgets=[tag("total:{total}")])
    one, _ = bulk.bulk_create(Receipt.objects, [Receipt(total=1), Receipt(total=2)])
    assert forgotten() == {"tag:total:1", "tag:total:2"}
    changed = [Receipt(pk=one.pk, total=3), Receipt(total=4)]
    bulk.bulk_create(
        Receipt.objects, changed, update_conflicts=True, unique_fields=["pk"], update_fields=["total"], batch_size=1
    )
    assert forgotten() == {"tag:total:1", "tag:total:3", "tag:total:4"}
    assert Receipt.objects.count() == 3


def test_raw_sql_forgets_what_matched_and_what_matches_now(forgotten: Forgotten) -> None:
    register(Product, forgets=[tag("name:{name}")])
    for name in ("Lamp", "Desk"):
        Product.objects.create(name=name)
    forgotten()
    with changing(Product.objects.filter(name__startswith="L")), connection.cursor() as cursor:
        cursor.execute("UPDATE shelf_product SET name = 'Old' WHERE name = 'Lamp'")
        cursor.execute("UPDATE shelf_product SET name = 'Large' WHERE name = 'Desk'")
        assert forgotten() == set()
    assert forgotten() == {"tag:name:Lamp", "tag:name:Old", "tag:name:Large"}
    with changing(Product.objects.filter(name="Old")):
        Product.objects.filter(name="Old")._raw_delete("default")
    assert forgotten() == {"tag:name:Old"}


def test_bulk_helpers_read_nothing_where_there_are_no_rules() -> None:
    Unwatched.objects.create(name="x")
    with CaptureQueriesContext(connection) as queries:
        bulk.update(Unwatched.objects.all(), name="y")
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "UPDATE", "COMMIT"]


def test_many_rows_are_read_in_steps(forgotten: Forgotten, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 3)
    register(Receipt, forgets=[tag("receipt:{pk}")])
    created = bulk.bulk_create(Receipt.objects, [Receipt() for _ in range(10)])
    expected = {f"tag:receipt:{one.pk}" for one in created}
    assert forgotten() == expected
    assert bulk.update(Receipt.objects.all(), total=Decimal(1)) == 10
    assert forgotten() == expected
