"""What is REST framework's, told without loading it."""

from __future__ import annotations

import sys


def is_of_rest(view: object) -> bool:
    """Whether a function is a whole view of REST framework: what `as_view()` and ``@api_view`` make."""
    views = sys.modules.get("rest_framework.views")
    made = getattr(view, "cls", None)
    return views is not None and isinstance(made, type) and issubclass(made, views.APIView)
