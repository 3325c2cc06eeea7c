"""A saved or deleted row forgets the answers that show it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from catalogue import caching
from catalogue.models import Category, Product, ProductColor, ProductVariant


@receiver([post_save, post_delete], sender=Product)
def product_changed(instance: Product, using: str, **_: Any) -> None:
    caching.forget_product(instance.pk, using=using)


@receiver([post_save, post_delete], sender=ProductVariant)
def variant_changed(instance: ProductVariant, using: str, **_: Any) -> None:
    for product_id in {instance.product_id, instance.loaded_product_id}:
        if product_id is not None:
            caching.forget_product(product_id, using=using)


@receiver([post_save, post_delete], sender=Category)
def category_changed(using: str, **_: Any) -> None:
    caching.forget_categories(using=using)


@receiver([post_save, post_delete], sender=ProductColor)
def color_changed(using: str, **_: Any) -> None:
    caching.forget_colors(using=using)
