"""
Each row of the documents of quelyos_ecommerce and quelyos_api, and the tests that show it.

A row is (section, what it says, tests), in the order of the document and in our words. Tests stand in this folder, or
are named from ``tests/``. ``tests/unit/test_odoo_rows.py`` sees that they exist, and that no endpoint, key or limit is
without a row.
"""

from __future__ import annotations

from collections.abc import Sequence

Row = tuple[str, str, Sequence[str]]

_P, _A, _O, _M = "test_products.py::", "test_administration.py::", "test_operations.py::", "test_monitoring.py::"
_F, _API, _E, _Q = "test_failing.py::", "test_api.py::", "test_events.py::", "test_parameters.py::"
_T = "test_tools.py::"
_HITS = (
    f"{_P}test_details_are_cached_and_have_the_originals_shape",
    f"{_P}test_lists_are_cached_under_the_layouts_key",
)
_PARAMETERS = f"{_O}test_the_parameters_of_the_document_say_where_redis_is"
_EDITED = f"{_P}test_lifetimes_are_edited_by_parameters"
_PATTERN = f"{_P}test_every_pattern_has_a_producer"
_ANALYTICS = f"{_P}test_analytics_are_for_administrators_and_forgotten_when_an_order_is_confirmed"
_EMPTY_BODY = f"{_M}test_the_document_s_calls_with_an_empty_body_are_understood"
_OUTLIVES = f"{_O}test_what_was_kept_outlives_a_restart_of_a_redis_that_writes_it_down"
_METRICS = "integration/test_metrics.py::test_numbers_of_real_calls"
_MEMORY = f"{_O}test_a_redis_of_little_memory_evicts_and_the_site_is_right"
_AWAY = f"{_API}test_views_and_limits_are_counted_in_memory_while_redis_is_away"
_SENTINEL = f"{_O}test_a_parameter_that_cannot_be_used_is_refused_where_it_is_written"
_RESTARTED = f"{_A}test_changed_parameters_are_seen_without_a_restart"
_STRATEGIES = (
    f"{_API}test_the_list_is_cached_under_the_layouts_key_and_forgotten_when_a_product_changes",
    f"{_E}test_the_api_s_list_knows_stock_categories_attributes_and_rules_of_prices",
    f"{_E}test_the_api_s_list_is_forgotten_by_a_rule_of_prices",
)
_OWN = "test_installation.py::test_the_addons_own_tests_pass"

ECOMMERCE: Sequence[Row] = (
    ("Benefits", "repeated database queries are saved", (f"{_M}test_a_hit_asks_the_database_less_than_a_miss",)),
    ("Benefits", "more concurrent users: no connection per call", (f"{_F}test_no_call_opens_a_connection_of_its_own",)),
    ("Installation", "Redis runs: PING", (f"{_M}test_the_shell_shows_what_is_kept",)),
    ("Installation", "Python's redis is installed: not needed", (f"{_O}test_the_package_redis_is_not_needed",)),
    ("Installation", "`redis.host`, `redis.port`, `redis.db`, `redis.password`", (_PARAMETERS,)),
    (
        "Installation",
        "a password is optional, and never shown",
        (f"{_F}test_a_password_is_taken_from_the_parameters_and_never_shown",),
    ),
    (
        "Installation",
        "E-commerce > Configuration > Redis Cache",
        (
            f"{_A}test_the_settings_view_tests_the_connection",
            f"{_A}test_only_administrators_read_the_settings_or_test_the_connection",
        ),
    ),
    ("Installation", "restart Odoo: not needed", (_RESTARTED,)),
    ("Verification", "/api/ecommerce/cache/stats, with `{}`", (_EMPTY_BODY,)),
    ("Verification", "redis-cli: PING, KEYS product:*, GET", (f"{_M}test_the_shell_shows_what_is_kept",)),
    (
        "Cache management",
        "/api/ecommerce/cache/clear, all, with `{}`",
        (
            f"{_A}test_clearing_everything_leaves_other_keys_alone",
            _EMPTY_BODY,
        ),
    ),
    ("Cache management", "clear a pattern, in `params` and beside it", (f"{_A}test_a_pattern_clears_what_it_says",)),
    ("Cache management", "administrators only", (f"{_A}test_only_administrators_administer",)),
    ("Cache management", "redis-cli FLUSHDB", (f"{_O}test_after_a_flush_by_hand_the_site_fills_again",)),
    (
        "Cache management",
        "/api/ecommerce/cache/warmup",
        (
            f"{_A}test_warming_up_makes_the_next_visitor_s_answers_hits",
            _EMPTY_BODY,
        ),
    ),
    (
        "Cache management",
        "statistics",
        (
            f"{_A}test_statistics_have_the_originals_shape",
            f"{_M}test_statistics_are_what_the_server_says_of_itself",
        ),
    ),
    ("Cache patterns", "`product:api:{id}`, 3600 s", (_HITS[0], _EDITED)),
    (
        "Cache patterns",
        "`product:seo:{id}`, 3600 s: /api/ecommerce/products/<int:product_id>/seo/cached",
        (_PATTERN, _EDITED),
    ),
    (
        "Cache patterns",
        "`product:details:{id}`, 3600 s: deleted for old workers, written by nobody",
        (f"{_P}test_beside_old_workers_their_entries_are_deleted_too",),
    ),
    ("Cache patterns", "`products:list:{md5}`, 300 s", (_HITS[1], _EDITED)),
    ("Cache patterns", "`products:facets:{name}`, 300 s: /api/ecommerce/products/facets/cached", (_PATTERN, _EDITED)),
    ("Cache patterns", "`analytics:{name}`, 900 s: /api/ecommerce/analytics/cached", (_ANALYTICS, _EDITED)),
    ("Cache patterns", "`search:{name}`, 600 s: /api/ecommerce/products/search/cached", (_PATTERN, _EDITED)),
    (
        "Cache patterns",
        "`recommendations:{name}`, 1800 s: /api/ecommerce/products/<int:product_id>/recommendations/cached",
        (_PATTERN, _EDITED),
    ),
    (
        "Invalidation",
        "a product is created, updated, deleted",
        (
            f"{_P}test_created_archived_unsaleable_and_deleted_products_come_and_go",
            f"{_P}test_a_changed_product_is_seen_at_once_and_by_every_worker",
            f"{_E}test_a_changed_product_is_found_by_its_new_name_and_described_by_it",
        ),
    ),
    (
        "Invalidation",
        "what a product's answers are made of besides: tags, attributes, costs, categories",
        (
            f"{_E}test_a_tag_that_is_deleted",
            f"{_E}test_a_tag_that_is_given_from_its_side",
            f"{_E}test_a_line_of_attributes_that_is_written_itself",
            f"{_E}test_a_value_of_an_attribute_that_odoo_s_wizard_adds_to_all_products",
            f"{_E}test_a_line_of_attributes_that_is_deleted",
            f"{_E}test_costs_that_prices_are_made_from",
            f"{_E}test_a_category_that_comes_under_a_rule_of_prices",
        ),
    ),
    (
        "Invalidation",
        "a sale order is confirmed",
        (
            _ANALYTICS,
            f"{_E}test_an_order_that_is_found_to_be_of_long_ago",
            f"{_E}test_an_order_that_is_written_back_to_a_draft",
            "test_declared.py::test_an_order_of_a_service_makes_its_details_new_when_it_is_confirmed",
        ),
    ),
    (
        "Invalidation",
        "analytics data is updated",
        (
            f"{_P}test_a_changed_line_of_a_confirmed_order_is_updated_analytics_and_a_cart_is_none",
            f"{_E}test_analytics_know_discounts_taxes_lines_and_dates_and_no_carts",
            f"{_E}test_a_confirmed_quantity_of_a_service_that_falls",
            f"{_E}test_a_line_that_is_added_to_a_confirmed_order",
        ),
    ),
    (
        "Invalidation",
        "stock levels change",
        (
            f"{_P}test_stock_moves_forget_the_product_and_the_lists",
            "test_transactions.py::test_a_sale_of_fifty_lines_takes_one_round_trip_and_none_before_its_commit",
        ),
    ),
    (
        "Cached endpoints",
        "/api/ecommerce/products/list/cached, with limit, offset and filters as the body",
        (
            f"{_P}test_the_document_s_page_of_a_category_is_that_page",
            f"{_Q}test_limits_and_filters_that_mean_the_same_have_one_key",
            f"{_Q}test_filters_that_are_none_are_refused",
        ),
    ),
    ("Cached endpoints", '`"cached": true` from the cache', _HITS),
    ("Cached endpoints", "/api/ecommerce/products/<int:product_id>/cached", (_HITS[0],)),
    (
        "Tuning",
        "lifetimes are edited: by parameters",
        (
            _EDITED,
            f"{_Q}test_a_lifetime_that_is_none_is_refused_where_it_is_written",
            f"{_Q}test_a_lifetime_that_is_none_is_the_default_and_said_once",
        ),
    ),
    ("Tuning", "maxmemory, allkeys-lru", (_MEMORY,)),
    ("Tuning", "INFO stats", (f"{_M}test_hits_are_counted_by_the_server_and_told_by_readiness",)),
    ("Tuning", "SLOWLOG GET 10", (f"{_M}test_nothing_walks_over_all_keys_at_once",)),
    ("Production", "Sentinel: not in this release, and refused where it is written", (_SENTINEL,)),
    ("Production", "save 900 1, 300 10, 60 10000", (_OUTLIVES,)),
    ("Production", "requirepass", (f"{_F}test_a_password_is_taken_from_the_parameters_and_never_shown", _PARAMETERS)),
    (
        "Production",
        "rename-command FLUSHDB, FLUSHALL",
        (
            f"{_O}test_a_redis_whose_dangerous_commands_are_renamed_is_cleared",
            f"{_F}test_clearing_needs_no_flushdb",
        ),
    ),
    (
        "Production",
        "bind 127.0.0.1, or another address with a password",
        (
            "integration/test_bind.py::test_a_server_that_is_bound_to_localhost_refuses_other_addresses",
            "integration/test_bind.py::test_a_server_without_a_password_is_protected_from_other_machines",
            "integration/test_bind.py::test_a_server_with_a_password_answers_everywhere_who_has_it",
        ),
    ),
    ("Production", "RedisInsight", (f"{_T}test_redisinsight_shows_names_lifetimes_sizes_and_values",)),
    (
        "Production",
        "Prometheus and Grafana",
        (_METRICS, f"{_M}test_statistics_are_what_the_server_says_of_itself"),
    ),
    ("Production", "Datadog's integration", (f"{_T}test_datadog_finds_the_numbers_of_the_documents",)),
    (
        "Troubleshooting",
        "Failed to connect to Redis: ... Connection refused",
        (
            f"{_F}test_a_dead_redis_is_said_by_statistics_and_by_clearing",
            f"{_F}test_a_hung_redis_costs_one_deadline_per_worker_and_no_request",
            f"{_F}test_while_redis_is_away_other_addons_calls_write_no_line_each",
        ),
    ),
    (
        "Troubleshooting",
        "OOM command not allowed",
        (
            f"{_F}test_a_full_redis_refuses_and_the_site_goes_on",
            f"{_O}test_a_full_redis_is_said_once_in_its_own_words",
        ),
    ),
    (
        "Troubleshooting",
        "stale cache: clear by hand",
        (f"{_O}test_a_change_that_the_orm_did_not_see_is_seen_after_clearing",),
    ),
    ("Docker Compose", "--appendonly yes --requirepass", (_OUTLIVES,)),
    (
        "Docker Compose",
        "healthcheck by PING",
        (
            (
                "integration/test_production.py::"
                "test_the_health_check_is_healthy_only_where_the_password_is_right_and_the_server_answers"
            ),
        ),
    ),
    (
        "Benchmarks",
        "lists, details, facets, recommendations with and without cache: tests/with_odoo/compare.py",
        (f"{_M}test_a_hit_asks_the_database_less_than_a_miss",),
    ),
    (
        "Source",
        "`cached(key_prefix, expire)` on methods",
        (
            "test_originals.py::test_a_method_is_kept_below_the_original_s_key",
            "test_originals.py::test_what_it_kept_is_deleted_by_the_original_s_key_and_pattern",
        ),
    ),
    (
        "Source",
        "`rate_limit(limit, window)` on controllers",
        ("test_originals.py::test_calls_are_limited_as_the_original_did_for_both_workers_together",),
    ),
    (
        "Source",
        "`delete(key)`, however many other keys there are",
        ("test_originals.py::test_to_delete_one_key_is_no_walk_over_all_keys",),
    ),
    ("Source", "log: Redis GET error, and of the other methods", (_OWN,)),
    ("Source", "`redis.cache` is not called over RPC", (f"{_A}test_nobody_calls_the_model_over_rpc",)),
)

API: Sequence[Row] = (
    ("Installation", "Redis answers PONG: /api/health/ready", (f"{_API}test_readiness_tells_of_redis",)),
    ("Installation", "redis-py is installed: not needed", (f"{_O}test_the_package_redis_is_not_needed",)),
    ("Installation", "restart Odoo: not needed", (_RESTARTED,)),
    (
        "Installation",
        "log: Redis connected successfully at host:port",
        (
            f"{_O}test_the_environment_says_host_port_and_password",
            _AWAY,
        ),
    ),
    (
        "Configuration",
        "REDIS_HOST, REDIS_PORT",
        (
            f"{_O}test_the_environment_says_host_port_and_password",
            "unit/test_odoo.py::test_without_a_word_it_is_localhost",
        ),
    ),
    ("Configuration", "256 MB, allkeys-lru", (_MEMORY,)),
    (
        "Configuration",
        "60 s by default for limits",
        (
            f"{_API}test_limits_refuse_with_the_originals_answer",
            f"{_API}test_a_view_counts_once_a_minute_for_each_address",
        ),
    ),
    (
        "Use",
        "`view_count:{ip}:{id}`, 60 s: /api/ecommerce/products/slug/<string:slug>",
        (
            f"{_API}test_a_view_counts_once_a_minute_for_each_address",
            f"{_P}test_a_counted_view_forgets_nothing",
            f"{_API}test_first_views_of_many_at_a_time_are_all_counted_and_fail_nobody",
            f"{_API}test_a_view_waits_a_second_at_most_for_somebody_who_changes_the_product",
            f"{_API}test_a_request_that_odoo_runs_again_is_counted_once",
        ),
    ),
    (
        "Use",
        "the address is the client's, behind a proxy too",
        (
            f"{_API}test_headers_that_anybody_may_write_are_not_believed",
            f"{_API}test_a_proxy_is_believed_where_odoo_was_told_that_there_is_one",
        ),
    ),
    ("Fallback", "in memory while Redis is away, with a warning, and back", (_AWAY,)),
    (
        "Fallback",
        "memory is not shared between workers",
        (f"{_M}test_each_worker_counts_a_view_once_while_redis_is_away",),
    ),
    ("Monitoring", "INFO stats, DBSIZE", (f"{_M}test_statistics_are_what_the_server_says_of_itself",)),
    ("Monitoring", "KEYS view_count:*, TTL", (f"{_M}test_counted_views_are_shown_with_what_is_left_of_their_minute",)),
    ("Monitoring", "used_memory_human, clients", (f"{_M}test_statistics_are_what_the_server_says_of_itself",)),
    ("Monitoring", "hit rate: keyspace", (f"{_M}test_hits_are_counted_by_the_server_and_told_by_readiness",)),
    ("Troubleshooting", "Could not connect to Redis", (f"{_API}test_a_site_without_redis_is_ready_and_serves", _AWAY)),
    ("Troubleshooting", "redis module not found", (f"{_O}test_the_package_redis_is_not_needed",)),
    ("Troubleshooting", "memory is full", (_MEMORY, f"{_O}test_a_full_redis_is_said_once_in_its_own_words")),
    ("Production", "--save 60 1000 --maxmemory 512mb", (_OUTLIVES,)),
    ("Production", "--requirepass, REDIS_PASSWORD", (f"{_O}test_the_environment_says_host_port_and_password",)),
    ("Production", "an exporter for Prometheus", (_METRICS,)),
    ("Production", "Sentinel or Cluster: not in this release, and refused where it is written", (_SENTINEL,)),
    ("Switching off", "Redis is stopped: memory, with a warning", (_AWAY,)),
    ("Switching off", "by a setting", (f"{_F}test_switched_off_nothing_is_read_or_stored_and_forgetting_goes_on",)),
    (
        "Source",
        (
            "`products:{params}:{hash}`, 300 s, and `tenant:{tenant}:products:{params}:{hash}`, 300 s:"
            " /api/ecommerce/products"
        ),
        _STRATEGIES,
    ),
    (
        "Source",
        (
            "`tenant:{tenant}:products:list:{params}:{hash}`, 300 s, `tenant:{tenant}:products:detail:{id}`, 600 s,"
            " `tenant:{tenant}:categories:all`, 3600 s, `tenant:{tenant}:dashboard:stats:{user}`, 300 s,"
            " `config:tenant:{tenant}`, 3600 s: CacheService and its strategies"
        ),
        (_OWN,),
    ),
    (
        "Source",
        "`sitemap_data_cache`, 300 s: `quelyos.cache`",
        (
            _OWN,
            "test_originals.py::test_nobody_calls_the_second_cache_over_rpc",
        ),
    ),
    (
        "Source",
        (
            "limits DEFAULT, LOGIN, LOGIN_FAILED, PASSWORD_RESET, REGISTER, PRODUCTS_LIST, PRODUCTS_SEARCH,"
            " PRODUCT_DETAIL, BACKOFFICE, CHECKOUT, PAYMENT, EXPORT, and the refusal"
        ),
        (
            _OWN,
            f"{_API}test_limits_refuse_with_the_originals_answer",
            f"{_API}test_a_request_that_odoo_runs_again_is_counted_once",
            f"{_API}test_routes_of_the_addon_s_limiter_answer_429_and_say_what_is_left",
            "test_originals.py::test_limits_of_two_databases_are_not_shared",
        ),
    ),
    (
        "Source",
        "readiness: 200 with `disabled` where nobody configured Redis",
        (f"{_API}test_a_site_without_redis_is_ready_and_serves",),
    ),
    (
        "Source",
        "readiness: 503 with `error` while it is away, or 200 where an instance does without",
        (
            f"{_API}test_readiness_tells_of_redis",
            f"{_API}test_an_instance_that_does_without_redis_is_degraded_and_in_service",
        ),
    ),
    (
        "Source",
        "`get_stats()`: of the server, `enabled: false` without one, `error` while it is away",
        (_OWN, f"{_API}test_the_service_s_numbers_tell_whether_redis_is_away_or_was_never_there"),
    ),
    ("Source", "log: Redis cache enabled, HIT, MISS, SET, DELETE, invalidated", (_OWN,)),
)
