"""What tells two askers apart where URLs, classes and users are unusual."""

from __future__ import annotations

import types
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path, re_path
from django.utils.decorators import method_decorator
from django.utils.translation import get_language_from_request
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hitrate.django import CachedViewMixin, cache_api_response
from hitrate.django.responses.identity import aspect, by_user
from hitrate.exceptions import ConfigError
from tests.with_django.responses import views
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")


def _mounted(*patterns: Any) -> Any:
    urls = types.ModuleType("urls")
    urls.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    return override_settings(ROOT_URLCONF=urls)


class Named:
    """A user of another service, whom a header names."""

    is_authenticated = True

    def __init__(self, name: str) -> None:
        self.pk = name


class ByHeader(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Named, None] | None:
        name = request.META.get("HTTP_X_API_KEY")
        return None if name is None else (Named(name), None)


@api_view(["GET"])
@authentication_classes([ByHeader])
@permission_classes([IsAuthenticated])
def own(request: Request) -> Response:
    return Response({"user": request.user.pk})


@method_decorator(cache_api_response(60, key_prefix="dispatched"), name="dispatch")
class Dispatched(APIView):
    authentication_classes = [ByHeader]
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.pk})


def test_what_would_answer_before_rest_framework_is_refused() -> None:
    decorate = cache_api_response(60)
    for view in (own, Dispatched.as_view()):
        with pytest.raises(ConfigError, match="authenticated"):
            decorate(view)


def test_around_dispatch_each_request_goes_past(site: Any, client: Client) -> None:
    with _mounted(path("", Dispatched.as_view())):
        for name in ("a", "b"):
            found = client.get("/", headers={"x-api-key": name})
            assert found.json() == {"user": name}
            assert "detail=before-rest-framework" in found.headers["Cache-Status"]
        assert client.get("/").status_code == 403


@cache_api_response(60, key_prefix="paths", shared=True)
def where(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse(request.path)


class Everywhere(CachedViewMixin, APIView):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @cache_api_response(60, key_prefix="everywhere", shared=True)
    def get(self, request: Request) -> Response:
        return Response(request.path)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        (re_path(r"^files/", where), ("/files/a", "/files/b")),
        (re_path(r"^(\w\w)/items/(?P<pk>\d+)/$", where), ("/eu/items/5/", "/us/items/5/")),
        (re_path(r"^(?:eu|us)/$", Everywhere.as_view()), ("/eu/", "/us/")),
    ],
)
def test_a_pattern_that_matches_more_than_it_captures(
    pattern: Any, paths: tuple[str, str], site: Any, client: Client
) -> None:
    with _mounted(pattern):
        for _ in range(2):
            for target in paths:
                assert target in client.get(target).content.decode()


class First(APIView):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    number = 1

    @cache_api_response(60, key_prefix="inherited", shared=True)
    def get(self, request: Request) -> Response:
        return Response(self.number)


class Second(First):
    number = 2


class FirstEarly(CachedViewMixin, First):
    pass


class SecondEarly(FirstEarly):
    number = 2


@pytest.mark.parametrize("classes", [(First, Second), (FirstEarly, SecondEarly)])
def test_classes_that_inherit_a_method_keep_their_own_answers(classes: tuple[Any, Any], site: Any, runs: Runs) -> None:
    first, second = (one.as_view() for one in classes)

    def choose(request: HttpRequest) -> HttpResponse:
        chosen = second if "x-second" in request.headers else first
        return chosen(request)  # type: ignore[no-any-return]

    with _mounted(path("", choose)):
        for _ in range(2):
            assert Client().get("/").json() == 1
            assert Client().get("/", headers={"x-second": "1"}).json() == 2


class Nobody:
    """Has neither a key nor a text."""

    is_authenticated = True


class Texted(Nobody):
    def __str__(self) -> str:
        return "ada"


def test_an_address_in_memory_is_nobodys_name() -> None:
    request = RequestFactory().get("/")
    for read in (by_user, aspect("tenant")):
        request.user = request.tenant = Nobody()  # type: ignore[attr-defined, assignment]
        with pytest.raises(ConfigError, match="Nobody with neither a primary key nor a text"):
            read(request)
        request.user = request.tenant = Texted()  # type: ignore[attr-defined, assignment]
        assert "ada" in read(request)


def test_users_of_two_models_of_one_name_are_told_apart(user: Any) -> None:
    class User:
        is_authenticated = True
        pk = user.pk

    request = RequestFactory().get("/")
    request.user = user
    of_django = by_user(request)
    request.user = User()
    assert of_django == f"auth.User.{user.pk}" != by_user(request)


@cache_api_response(60, key_prefix="allowed", vary_on="group")
def allowed(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user.has_perm("shelf.view_product")))


def test_a_superuser_shares_with_nobody_of_his_groups(site: Any, user: Any) -> None:
    from django.contrib.auth.models import User

    root = User.objects.create_superuser("root")
    try:
        with _mounted(path("", allowed)):
            for _ in range(2):
                for one in (root, user):
                    browser = Client()
                    browser.force_login(one)
                    assert browser.get("/").content.decode() == str(one is root)
    finally:
        root.delete()


class Company:
    """Of two companies, the names may be the same."""

    def __init__(self, pk: str) -> None:
        self.pk = pk

    def __str__(self) -> str:
        return "Acme"


@pytest.mark.parametrize(
    "vary_on", [lambda request: Company(request.META["HTTP_X_API_KEY"]), lambda request: (request.company, "staff")]
)
def test_what_a_function_returns_is_told_by_its_primary_key(vary_on: Any, site: Any) -> None:
    class Companies(APIView):
        permission_classes = [AllowAny]

        def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
            super().initial(request, *args, **kwargs)
            request.company = Company(request.META["HTTP_X_API_KEY"])

        @cache_api_response(60, key_prefix="companies", vary_on=vary_on)
        def get(self, request: Request) -> Response:
            return Response(request.META["HTTP_X_API_KEY"])

        @cache_api_response(60, key_prefix="companies", vary_on="company")
        def head(self, request: Request) -> Response:
            return Response(headers={"X-Of": request.META["HTTP_X_API_KEY"]})

    with _mounted(path("", Companies.as_view())):
        for name in ("a", "b", "a"):
            assert Client().get("/", headers={"x-api-key": name}).json() == name
            # What REST framework's request has is an attribute of the request, too.
            assert Client().head("/", headers={"x-api-key": name}).headers["X-Of"] == name


@cache_api_response(60, key_prefix="many", shared=True, tags=lambda request: request.GET.getlist("id"))
def tagged(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(views.RUNS.one()))


def test_more_tags_than_an_entry_may_have_go_past(site: Any, runs: Runs, client: Client) -> None:
    with _mounted(path("", tagged)):
        for number, outcome in ((64, "hit"), (65, "detail=too-many-tags")):
            query = {"id": [str(one) for one in range(number)]}
            # The header has the rules of HTTP judge, which know nothing of tags.
            for headers in ({}, {"Cache-Control": "max-age=60"}):
                client.get("/", query, headers=headers)
                assert outcome in client.get("/", query, headers=headers).headers["Cache-Status"]


@pytest.mark.parametrize(
    ("vary_on", "is_kept"),
    [("user", False), ("group", False), ("language", False), ("host", False), ("plan", True), ("cookie:theme", True)],
)
def test_the_session_of_somebody_whom_nothing_tells_apart_is_not_everybody_s(
    site: Any, vary_on: str, is_kept: bool
) -> None:
    view = cache_api_response(60, key_prefix=f"basket-{vary_on}", vary_on=vary_on)(basket)
    with _mounted(path("", _with_plan(view))):
        visitors = [Client(), Client()]
        for name, visitor in zip(("ada", "bob"), visitors, strict=True):
            session = visitor.session
            session["basket"] = name
            session.save()
            visitor.cookies["theme"] = name if vary_on == "cookie:theme" else "dark"
        found = [visitor.get("/") for _ in range(2) for visitor in visitors]
    if not is_kept or vary_on == "cookie:theme":
        assert [answer.content for answer in found] == [b"ada", b"bob"] * 2
    # What somebody named instead of the user is told apart as he said.
    assert all(("hitrate; hit" in answer.headers["Cache-Status"]) == is_kept for answer in found[2:])


def basket(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.session["basket"])


@cache_api_response(60, key_prefix="languages", shared=True)
def translated(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_language_from_request(request), headers={"Vary": "Accept-Language"})


class Accepting(APIView):
    permission_classes = [AllowAny]

    @cache_api_response(60, key_prefix="accepting", shared=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(request.META["HTTP_ACCEPT"], headers={"Vary": "Accept"})


@pytest.mark.parametrize(
    ("view", "header", "values"),
    [
        (translated, "accept-language", ("de", "fr")),
        (Accepting.as_view(), "accept", ("application/json", "*/*")),
    ],
)
def test_a_header_that_the_view_itself_reads_tells_answers_apart(
    view: Any, header: str, values: tuple[str, str], site: Any, client: Client
) -> None:
    with _mounted(path("", view)):
        for _ in range(3):
            for value in values:
                # Neither a middleware nor REST framework has chosen by it.
                found = client.get("/", headers={header: value})
                assert found.content.decode() == value
    assert "hitrate; hit" in found.headers["Cache-Status"]


@cache_api_response(60, key_prefix="plans", shared=True, vary_on="plan", max_age=5)
def planned(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for some")


def test_answers_of_some_are_private_on_the_way(site: Any, client: Client) -> None:
    with _mounted(path("", _with_plan(planned))):
        for _ in range(2):
            assert set(client.get("/").headers["Cache-Control"].split(", ")) == {"private", "max-age=5"}


def _with_plan(view: Any) -> Any:
    def answer(request: HttpRequest) -> HttpResponse:
        request.plan = "gold"  # type: ignore[attr-defined]
        return view(request)  # type: ignore[no-any-return]

    return answer
