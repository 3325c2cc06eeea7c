"""`CachedViewMixin` answers before REST framework where a view is public, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import Client, override_settings
from django.urls import path
from rest_framework.permissions import AllowAny, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from hitrate.django import CachedViewMixin, cache_api_response
from hitrate.django.responses.checks import check_early_answers
from hitrate.layouts import nalar
from tests.with_django.responses import views
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths for which REST framework began its work."""
    paths: list[str] = []
    initial = APIView.initialize_request

    def note(self: APIView, request: Any, *args: Any, **kwargs: Any) -> Any:
        paths.append(request.path)
        return initial(self, request, *args, **kwargs)

    monkeypatch.setattr(APIView, "initialize_request", note)
    return paths


def test_a_public_hit_does_not_reach_rest_framework(
    site: Any, runs: Runs, client: Client, dispatched: list[str]
) -> None:
    first = client.get("/api/public/")
    assert dispatched == ["/api/public/"]
    second = client.get("/api/public/")
    assert dispatched == ["/api/public/"]
    assert (first.content, first.headers["Allow"]) == (second.content, second.headers["Allow"])
    # Nobody looked into the session this time.
    assert (first.headers["Vary"], second.headers["Vary"]) == ("Accept, Cookie", "Accept")
    assert runs.count == 1


def test_each_media_type_has_an_entry(site: Any, runs: Runs, client: Client) -> None:
    for _ in range(2):
        for accept, kind in (
            ("application/json", "application/json"),
            ("*/*", "application/json"),
            ("text/html", "text/html"),
        ):
            found = client.get("/api/public/", headers={"accept": accept})
            assert found.headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize("path_", ["/api/public/7/", "/api/throttled/"])
def test_what_is_not_for_everybody_goes_its_usual_way(
    path_: str, site: Any, runs: Runs, client: Client, dispatched: list[str]
) -> None:
    for _ in range(2):
        assert client.get(path_).status_code == 200
    assert (runs.count, len(dispatched)) == (1, 2)


class Guarded(CachedViewMixin, ViewSet):
    permission_classes = [IsAuthenticated]
    throttle_classes: list[Any] = []

    @cache_api_response(shared=True)
    def list(self, request: Request) -> Response:
        return Response()


class ReadByAll(views.Public):
    permission_classes = [IsAuthenticatedOrReadOnly]


class Personal(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @cache_api_response()
    def list(self, request: Request) -> Response:
        return Response()


class Own(views.Public):
    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated()]


def _checked(view: Any) -> list[CheckMessage]:
    import types

    urls = types.ModuleType("urls")
    urls.urlpatterns = [path("", view.as_view({"get": "list"}))]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urls):
        return check_early_answers()


def test_the_check_refuses_views_that_are_not_public() -> None:
    for view, reason in ((Guarded, "IsAuthenticated"), (Personal, "for everybody"), (Own, "get_permissions")):
        (problem,) = _checked(view)
        assert (problem.id, reason in problem.msg, view.__name__ in problem.msg) == ("hitrate.E010", True, True)
    assert _checked(views.Public) == []
    assert _checked(ReadByAll) == []


def test_a_guarded_view_is_guarded_all_the_same(site: Any, runs: Runs) -> None:
    import types

    urls = types.ModuleType("urls")
    urls.urlpatterns = [path("", Guarded.as_view({"get": "list"}))]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urls):
        assert Client().get("/").status_code == 403


class OfNalar(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @nalar.cache_api_response(60, "of_nalar", shared=True)
    def list(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one()})


@pytest.mark.parametrize(
    ("options", "asked"),
    [({"DEBUG": False}, 1), ({"DEBUG": True, "ENABLE_API_CACHE": True}, 1), ({"DEBUG": True}, 3)],
)
def test_the_decorator_of_a_layout_answers_early_where_it_caches(
    options: dict[str, bool], asked: int, site: Any, runs: Runs, dispatched: list[str]
) -> None:
    import types

    urls = types.ModuleType("urls")
    urls.urlpatterns = [path("", OfNalar.as_view({"get": "list"}))]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urls, **options):
        for _ in range(3):
            assert Client().get("/").status_code == 200
    assert (runs.count, len(dispatched)) == (asked, asked)
    assert _checked(OfNalar) == []
