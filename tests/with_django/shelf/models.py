"""A small shop: relations, a proxy, inheritance, an abstract base, a primary key of one's own."""

from __future__ import annotations

import uuid

from django.db import models


class Named(models.Model):
    """What has a name."""

    name = models.CharField(max_length=50)

    class Meta:
        abstract = True


class Category(Named):
    """A shelf."""


class Label(Named):
    """What products are marked with."""


class Product(Named):
    """What stands on a shelf."""

    category = models.ForeignKey(Category, models.CASCADE, null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    labels = models.ManyToManyField(Label, related_name="products")
    similar = models.ManyToManyField("self")

    @property
    def initial(self) -> str:
        return self.name[:1]


class Bargain(Product):
    """The same rows under another class."""

    class Meta:
        proxy = True


class Book(Product):
    """A product with a table of its own beside it."""

    isbn = models.CharField(max_length=20)


class Receipt(models.Model):
    """Its primary key is made up before it is saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    total = models.IntegerField(default=0)


class Unwatched(Named):
    """No rule is ever registered for it."""
