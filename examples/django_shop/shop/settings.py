"""
Settings of the example shop. Everything that differs between machines comes from the environment:

HITRATE_URL          the cache server, by default redis://127.0.0.1:6379/1
DATABASE_URL         by default SQLite in var/; postgres://user:password@host/name for PostgreSQL
SHOP_CACHE           0 stops reading and filling the answer cache; invalidation goes on
SHOP_KEY_PREFIX      by default ecommerce
SHOP_DEBUG_HEADERS   1 adds X-Query-Count and X-Worker to answers, and /debug/cache/
SHOP_ALLOWED_HOSTS   host names, separated by commas
SHOP_SECRET_KEY      Django's SECRET_KEY; set it when the shop is more than a demonstration
"""

from __future__ import annotations

import os
from pathlib import Path

from shop.database import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent


def _is_on(name: str, default: str) -> bool:
    return os.environ.get(name, default) not in ("0", "false", "")


SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "insecure-and-public-because-this-is-an-example-of-caching")
DEBUG = False
ALLOWED_HOSTS = os.environ.get("SHOP_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
MEDIA_URL = "/media/"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_filters",
    "rest_framework",
    "hitrate.django",
    "catalogue",
]
MIDDLEWARE = [
    "shop.middleware.DebugHeaders",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]

if not (DATABASE_URL := os.environ.get("DATABASE_URL")):
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASE_URL = f"sqlite:///{BASE_DIR / 'var' / 'shop.sqlite3'}"
DATABASES = {"default": database_from_url(DATABASE_URL)}

# The whole configuration of the cache. Sessions, the answer cache and whatever else uses django.core.cache share it.
CACHES = {
    "default": {
        "BACKEND": "hitrate.django.RedisCache",
        "LOCATION": os.environ.get("HITRATE_URL", "redis://127.0.0.1:6379/1"),
        "KEY_PREFIX": os.environ.get("SHOP_KEY_PREFIX", "ecommerce"),
        "TIMEOUT": 300,
    },
}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_COOKIE_SAMESITE = "Lax"

# The switch that hitrate knows.
HITRATE_ENABLED = _is_on("SHOP_CACHE", "1")
SHOP_DEBUG_HEADERS = _is_on("SHOP_DEBUG_HEADERS", "0")

REST_FRAMEWORK = {
    # One renderer only: answers are the same for every Accept header, and so they are kept once.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    # Whatever forgets to say who may use it is the staff's.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "EXCEPTION_HANDLER": "shop.errors.error_answer",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
