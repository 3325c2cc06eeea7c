"""What each change forgets, and what it leaves: the table of signals of the original, and what that forgot."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.rules import forget_catalogue

from tests.shop import ShopTestCase


class SignalTests(ShopTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.fill()

    def left(self, *names: str) -> None:
        """Exactly these are still kept."""
        keys = {"one": self.product.pk, "two": self.other.pk, "category": self.category.pk}
        self.assertEqual(self.hits(), {name.format(**keys) for name in names})

    # What shows no product, and what belongs to the other one alone.
    AFTER_A_PRODUCT = (
        "categories:all",
        "category:{category}",
        "product_colors:all",
        "product:{two}",
        "product:{two}:variants",
        "product:{two}:variants:list",
    )

    def test_a_saved_product(self) -> None:
        self.product.save()
        self.left(*self.AFTER_A_PRODUCT)

    def test_a_patched_product(self) -> None:
        self.staff.patch(f"/api/products/{self.product.pk}/", {"price": "21.50"})
        self.left(*self.AFTER_A_PRODUCT)

    def test_a_rated_product(self) -> None:
        answer = self.staff.post(f"/api/products/{self.product.pk}/rate/", {"stars": 5})
        self.assertEqual((answer.status_code, answer.json()["rating"]), (200, "5.00"))
        self.left(*self.AFTER_A_PRODUCT)
        self.assertEqual(self.body(f"/api/products/{self.product.pk}/")["rating_count"], 1)

    def test_a_saved_variant(self) -> None:
        self.variant.save()
        self.left(*self.AFTER_A_PRODUCT)

    def test_a_deleted_variant(self) -> None:
        self.variant.delete()
        self.left(*self.AFTER_A_PRODUCT)

    def test_reduced_and_increased_stock(self) -> None:
        for action in ("reduce_stock", "increase_stock"):
            with self.subTest(action):
                self.fill()
                path = f"/api/product-variants/{self.variant.pk}/{action}/"
                self.assertEqual(self.staff.post(path, {"quantity": 1}).status_code, 200)
                self.left(*self.AFTER_A_PRODUCT)

    def test_a_new_product(self) -> None:
        data = {"name": "three", "slug": "three", "brand": "B", "category_id": self.category.pk, "price": "5.00"}
        self.assertEqual(self.staff.post("/api/products/", data).status_code, 201)
        self.left(*self.AFTER_A_PRODUCT, "product:{one}", "product:{one}:variants", "product:{one}:variants:list")

    def test_a_deleted_product(self) -> None:
        deleted = self.product.pk
        self.assertEqual(self.staff.delete(f"/api/products/{deleted}/").status_code, 204)
        for tail in ("", "variants/", "recommendations/"):
            self.body(f"/api/products/{deleted}/{tail}", 404)
        self.assertEqual(self.body(f"/api/product-variants/?product_id={deleted}"), [])
        self.assertEqual(self.body("/api/products/")["count"], 1)

    def test_a_variant_that_moves_to_another_product(self) -> None:
        variant = ProductVariant.objects.get(pk=self.variant.pk)
        variant.product = self.other
        variant.save()
        self.left("categories:all", "category:{category}", "product_colors:all")
        self.assertEqual(self.body(f"/api/products/{self.product.pk}/variants/"), [])
        self.assertEqual(self.body(f"/api/products/{self.other.pk}/variants/")[0]["sku"], "one-black")

    # Names of categories stand in products, but neither in colours nor in variants.
    AFTER_A_CATEGORY = (
        "product_colors:all",
        "product:{one}:variants",
        "product:{two}:variants",
        "product:{one}:variants:list",
        "product:{two}:variants:list",
    )

    def test_a_saved_category(self) -> None:
        self.category.name = "Mobiles"
        self.category.save()
        self.left(*self.AFTER_A_CATEGORY)
        self.assertEqual(self.body(f"/api/products/{self.product.pk}/")["category"]["name"], "Mobiles")
        self.assertEqual(self.body("/api/categories/")[0]["children"][0]["name"], "Mobiles")

    def test_a_new_and_a_deleted_category(self) -> None:
        added = Category.objects.create(name="Watches", slug="watches")
        self.left(*self.AFTER_A_CATEGORY)
        self.fill()
        added.delete()
        self.left(*self.AFTER_A_CATEGORY)

    def test_a_saved_colour(self) -> None:
        self.color.name = "Jet"
        self.color.save()
        self.left("categories:all", "category:{category}")
        self.assertEqual(self.body(f"/api/products/{self.product.pk}/variants/")[0]["color"]["name"], "Jet")

    def test_a_new_and_a_deleted_colour(self) -> None:
        added = ProductColor.objects.create(name="Red", hex_code="#ff0000")
        self.left("categories:all", "category:{category}")
        self.fill()
        added.delete()
        self.left("categories:all", "category:{category}")

    def test_the_whole_catalogue(self) -> None:
        self.client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 1})
        Product.objects.filter(pk=self.product.pk).update(name="uno")
        forget_catalogue()
        self.left()
        self.assertEqual(len(self.body("/api/cart/")["lines"]), 1)
