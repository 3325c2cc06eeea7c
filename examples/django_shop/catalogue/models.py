"""The catalogue: categories in a tree, colours, products and their variants."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.utils import timezone

from hitrate.django import bulk


class Category(models.Model):
    """A branch of the catalogue. Products hang on leaves, filters work on any branch."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=100, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ProductColor(models.Model):
    """A colour that variants come in."""

    name = models.CharField(max_length=40, unique=True)
    hex_code = models.CharField(max_length=7, validators=[RegexValidator(r"\A#[0-9a-f]{6}\Z")])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold. Its price is the lowest one; each variant has its own."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    brand = models.CharField(max_length=60, db_index=True)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    rating = models.DecimalField(
        max_digits=3, decimal_places=2, default=0, validators=[MinValueValidator(0), MaxValueValidator(5)]
    )
    rating_count = models.PositiveIntegerField(default=0)
    sold = models.PositiveIntegerField(default=0)
    image = models.CharField(max_length=160, blank=True, help_text="path below MEDIA_URL")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["-sold", "id"], name="product_sold"),
            models.Index(fields=["category", "price"], name="product_category_price"),
        ]

    def __str__(self) -> str:
        return self.name

    def rate(self, stars: int) -> None:
        """Count one more rating. As in the original, no signal is sent: nothing else about the product is saved."""
        with transaction.atomic():
            # Two at the same time wait for each other; SQLite lets one transaction write, and knows no such lock.
            found = Product.objects.select_for_update().get(pk=self.pk)
            count = found.rating_count + 1
            mean = (found.rating * found.rating_count + stars) / count
            bulk.update(Product.objects.filter(pk=self.pk), rating=round(mean, 2), rating_count=count)


class ProductVariant(models.Model):
    """One article on the shelf: a product in one colour and one size."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="variants")
    color = models.ForeignKey(ProductColor, on_delete=models.PROTECT, related_name="variants")
    storage = models.CharField(max_length=20, blank=True, help_text="capacity or size, for example '256GB'")
    sku = models.CharField(max_length=40, unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    stock = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "color", "storage"], name="variant_once_per_product"),
        ]

    def __str__(self) -> str:
        return self.sku
