"""
Settings of the example ERP. Everything that differs between machines comes from the environment:

HITRATE_URL          the cache server, by default redis://127.0.0.1:6379/1; memory:// is embedded in the process
DATABASE_URL         by default SQLite in var/; postgres://user:password@host/name for PostgreSQL
NALAR_KEY_PREFIX     by default nalar; sessions have the same with -sessions
NALAR_DOMAIN         tenants are its subdomains, by default localhost: http://lembaga.localhost:8000/
NALAR_PROXIES        how many proxies of yours stand in front, by default 0: X-Forwarded-For is not believed
NALAR_SECRET_KEY     Django's SECRET_KEY; set it when the ERP is more than a demonstration
HITRATE_ENABLED      0 stops reading and filling cached answers; invalidation goes on
"""

from __future__ import annotations

import os
from pathlib import Path

from nalar.database import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("NALAR_SECRET_KEY", "insecure-and-public-because-this-is-an-example-of-caching")
DEBUG = False
NALAR_DOMAIN = os.environ.get("NALAR_DOMAIN", "localhost")
ALLOWED_HOSTS = ["127.0.0.1", NALAR_DOMAIN, f".{NALAR_DOMAIN}"]
ROOT_URLCONF = "nalar.urls"
WSGI_APPLICATION = "nalar.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_filters",
    "rest_framework",
    "hitrate.django",
    "core",
    "hr",
    "crm",
    "assets",
    "finance",
    "inventory",
    "procurement",
    "generator",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.TenantMiddleware",
]

if not (DATABASE_URL := os.environ.get("DATABASE_URL")):
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASE_URL = f"sqlite:///{BASE_DIR / 'var' / 'nalar.sqlite3'}"
DATABASES = {"default": database_from_url(DATABASE_URL)}

_CACHE = {
    "BACKEND": "hitrate.django.RedisCache",
    "LOCATION": os.environ.get("HITRATE_URL", "redis://127.0.0.1:6379/1"),
    "KEY_PREFIX": os.environ.get("NALAR_KEY_PREFIX", "nalar"),
    "TIMEOUT": 300,
    # Sessions and throttles are pickles of plain types, answers are none: what else somebody writes there runs nothing.
    "OPTIONS": {"UNPICKLE": "safe"},
}
# Sessions stand under a prefix of their own: clear() of the cache of answers must not log everybody out.
CACHES = {"default": _CACHE, "sessions": {**_CACHE, "KEY_PREFIX": f"{_CACHE['KEY_PREFIX']}-sessions"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_CACHE_ALIAS = "sessions"
SESSION_COOKIE_SAMESITE = "Lax"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.permissions.IsMember"],
    "DEFAULT_PAGINATION_CLASS": "core.pagination.PagePagination",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "100/hour", "user": "1000/hour", "login": "10/minute"},
    # Without this, whoever writes another X-Forwarded-For is somebody else to the throttles.
    "NUM_PROXIES": int(os.environ.get("NALAR_PROXIES", "0")),
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
