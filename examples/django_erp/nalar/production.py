"""
Settings for production: the same cache and the same code paths as in development, behind HTTPS.

The original had another cache backend here, one that cannot forget by pattern, so that every save ended in an error.
"""

from __future__ import annotations

import os

from nalar.settings import *  # noqa: F403
from nalar.settings import REST_FRAMEWORK

SECRET_KEY = os.environ["NALAR_SECRET_KEY"]
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 3600
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
if REST_FRAMEWORK["NUM_PROXIES"]:
    # Only a proxy of ours may say so: the scheme stands in links, and so in answers that are kept.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
