
-- The first request begins a window, and the first one after its end begins the next.
-- State: "{beginning (µs)} {requests}".
algorithms.fixed_window = function(key, limit, window, cost)
    local begun, count = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
    begun, count = tonumber(begun) or now, tonumber(count) or 0
    local start = math.min(begun, now)
    if now - start >= window then
        start, count = now, 0
    end
    local left = start + window - now
    local allowed = count + cost <= limit
    local state = allowed and string.format('%.0f %.0f', start, count + cost)
    local mended = begun > now and string.format('%.0f %.0f', start, count)
    return allowed, math.max(limit - count, 0), count > 0 and left or 0, limit - count - cost, left,
        cost <= limit and left or -1, state, mended, lifetime(left)
end
