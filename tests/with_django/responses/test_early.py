"""`CachedViewMixin` answers before REST framework where a view is public, and nowhere else."""

from __future__ import annotations

import types
from functools import wraps
from typing import Any

import pytest
from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.models import User
from django.core.checks import CheckMessage
from django.core.exceptions import PermissionDenied
from django.test import Client, override_settings
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.versioning import AcceptHeaderVersioning, BaseVersioning, QueryParameterVersioning
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


class Dispatching(views.Public):
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


class Negotiator(BaseContentNegotiation):
    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]


class Negotiating(views.Public):
    content_negotiation_class = Negotiator


def staff_only(method: Any) -> Any:
    @wraps(method)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_staff:
            raise PermissionDenied
        return method(self, request, *args, **kwargs)

    return answer


class DecoratedAbove(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @staff_only
    @cache_api_response(key_prefix="above", shared=True)
    def list(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one()})


class StaffMixin:
    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        return user_passes_test(lambda user: user.is_staff)(super().as_view(*args, **kwargs))  # type: ignore[misc]


class GuardedBelow(CachedViewMixin, StaffMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    list = views.Public.list


class Keys(BaseAuthentication):
    """Refuses who has no key, as many projects do where permissions are those of REST framework."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        if request.META.get("HTTP_X_API_KEY") != "secret":
            raise AuthenticationFailed
        return User(username="key", is_staff=True), None


class WithKey(views.Public):
    authentication_classes = [Keys]


class PropertyOfPermissions(views.Public):
    @property
    def permission_classes(self) -> list[Any]:  # type: ignore[override]
        return [IsAdminUser]


class OfStaff(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @cache_api_response(key_prefix="staff", shared=True, clients="staff")
    def list(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one()})


class HeaderVersioning(BaseVersioning):
    def determine_version(self, request: Any, *args: Any, **kwargs: Any) -> str:
        return request.META.get("HTTP_X_API_VERSION", "none")


class Mixed(CachedViewMixin, ViewSet):
    """For everybody, but for an action."""

    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    renderer_classes = [JSONRenderer]

    @cache_api_response(key_prefix="mixed", shared=True)
    def list(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one(), "version": request.version})

    @action(detail=False, permission_classes=[IsAdminUser])
    @cache_api_response(key_prefix="secret", shared=True)
    def secret(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one()})


class MixedOfFew(Mixed):
    """Whose answers depend on no parameter of the query, it says."""

    @cache_api_response(key_prefix="few", shared=True, params=[])
    def list(self, request: Request) -> Response:
        return Response({"run": views.RUNS.one(), "version": request.version})


def _mounted(*mounts: Any) -> Any:
    urls = types.ModuleType("urls")
    urls.urlpatterns = [path(address, view) for address, view in mounts]  # type: ignore[attr-defined]
    return override_settings(ROOT_URLCONF=urls)


def _checked(view: Any) -> list[CheckMessage]:
    with _mounted(("", view.as_view({"get": "list"}))):
        return check_early_answers()


def test_the_check_refuses_views_that_are_not_public() -> None:
    for view, reason in (
        (Guarded, "IsAuthenticated"),
        (Personal, "shared=True"),
        (Own, "get_permissions"),
        (Dispatching, "dispatch"),
        (Negotiating, "Negotiator"),
        (DecoratedAbove, "another decorator"),
        (GuardedBelow, "as_view"),
        (WithKey, "Keys"),
        (PropertyOfPermissions, "permission_classes"),
        (OfStaff, "staff"),
    ):
        (problem,) = _checked(view)
        assert (problem.id, reason in problem.msg, view.__name__ in problem.msg) == ("hitrate.E010", True, True)
    assert _checked(views.Public) == []
    assert _checked(ReadByAll) == []


def test_the_check_judges_a_class_by_all_that_its_addresses_were_given() -> None:
    everybody = Mixed.as_view({"get": "list"})
    guarded = Mixed.as_view({"get": "list"}, permission_classes=[IsAdminUser])
    with _mounted(("a", everybody), ("b", guarded)):
        assert check_early_answers() == []
    with _mounted(("b", guarded)):
        (problem,) = check_early_answers()
    assert "IsAdminUser" in problem.msg


def test_a_guarded_view_is_guarded_all_the_same(site: Any, runs: Runs) -> None:
    with _mounted(("", Guarded.as_view({"get": "list"}))):
        assert Client().get("/").status_code == 403


@pytest.mark.parametrize("given", ["by the action", "by as_view"])
def test_permissions_of_one_address_guard_it(given: str, site: Any, runs: Runs, user: Any) -> None:
    view = (
        Mixed.as_view({"get": "secret"}, **Mixed.secret.kwargs)  # type: ignore[attr-defined]
        if given == "by the action"
        else Mixed.as_view({"get": "list"}, permission_classes=[IsAdminUser])
    )
    admin = Client()
    user.is_staff = True
    user.save()
    admin.force_login(user)
    with _mounted(("", view)):
        for _ in range(2):
            assert admin.get("/").status_code == 200
            assert Client().get("/").status_code == 403


@pytest.mark.parametrize("view", [DecoratedAbove, GuardedBelow, WithKey, PropertyOfPermissions])
def test_what_refuses_a_request_refuses_it_beside_a_stored_answer(view: Any, site: Any, runs: Runs, user: Any) -> None:
    user.is_staff = True
    user.save()
    admitted = Client(headers={"x-api-key": "secret"})
    admitted.force_login(user)
    with _mounted(("", view.as_view({"get": "list"}))):
        for _ in range(2):
            assert admitted.get("/").status_code == 200
            assert Client().get("/").status_code in {302, 403}


def test_a_page_for_browsers_is_not_for_everybody_without_a_form_in_it_either(
    site: Any, runs: Runs, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrowsableAPIRenderer, "render", lambda *_args, **_options: b"<html>of one user</html>")
    for _ in range(2):
        found = client.get("/api/public/", headers={"accept": "text/html"})
        assert "detail=browsable-api" in found.headers["Cache-Status"]


@pytest.mark.parametrize("view", [Dispatching, Negotiating, Own])
def test_steps_of_its_own_run_at_every_request(view: Any, site: Any, runs: Runs, dispatched: list[str]) -> None:
    with _mounted(("", view.as_view({"get": "list"}))):
        for _ in range(3):
            Client().get("/")
    assert len(dispatched) == 3


class Upper(BaseRenderer):
    media_type, format = "text/upper", "upper"

    def render(self, *_: Any, **__: Any) -> bytes:
        return b"UPPER"


def test_parameters_of_a_media_type_reach_the_renderer(site: Any, runs: Runs, client: Client) -> None:
    with _mounted(("", Mixed.as_view({"get": "list"}))):
        for _ in range(2):
            assert b"\n" in client.get("/", headers={"accept": "application/json; indent=4"}).content
            assert b"\n" not in client.get("/", headers={"accept": "application/json;q=0.9, */*;q=0.1"}).content


@pytest.mark.parametrize(
    ("versioning", "target", "header"),
    [
        (AcceptHeaderVersioning, "/", ("Accept", "application/json; version={}")),
        (QueryParameterVersioning, "/?version={}", ("Accept", "*/*")),
        (HeaderVersioning, "/", ("X-Api-Version", "{}")),
    ],
)
@pytest.mark.parametrize("view", [Mixed, MixedOfFew])
def test_versions_have_entries_of_their_own(
    versioning: Any, target: str, header: tuple[str, str], view: Any, site: Any, runs: Runs, client: Client
) -> None:
    with _mounted(("", view.as_view({"get": "list"}, versioning_class=versioning))):
        for _ in range(2):
            for version in ("1.0", "2.0"):
                found = client.get(target.format(version), headers={header[0]: header[1].format(version)})
                assert found.json()["version"] == version


@pytest.mark.parametrize("view", [Mixed, MixedOfFew])
def test_the_form_that_a_parameter_names_is_given(view: Any, site: Any, runs: Runs, client: Client) -> None:
    with _mounted(("", view.as_view({"get": "list"}, renderer_classes=[JSONRenderer, Upper]))):
        for _ in range(2):
            assert client.get("/?format=upper").content == b"UPPER"
            assert client.get("/?format=json&page=1").json()["run"]
            assert client.get("/").json()["run"]


def test_a_method_that_nobody_answers_is_refused_as_ever(site: Any, runs: Runs, client: Client) -> None:
    with _mounted(("", Mixed.as_view({"get": "list"}, http_method_names=["options"]))):
        for _ in range(2):
            assert client.get("/").status_code == 405
    with _mounted(("", Mixed.as_view({"get": "list"}))):
        assert client.post("/").status_code == 405
        assert client.head("/").status_code == 200


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
    with _mounted(("", OfNalar.as_view({"get": "list"}))), override_settings(**options):
        for _ in range(3):
            assert Client().get("/").status_code == 200
    assert (runs.count, len(dispatched)) == (asked, asked)
    assert _checked(OfNalar) == []
