"""
Settings for production: the same cache and the same code paths as in development, behind HTTPS.

The original had another cache backend here, one that cannot forget by pattern, so that every save ended in an error.
"""

from __future__ import annotations

import os

from nalar.settings import *  # noqa: F403

DEBUG = False
SECRET_KEY = os.environ["NALAR_SECRET_KEY"]
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 3600
