
-- Two windows, one after the other: of the former as much counts as still reaches into the span that ends now, as if its
-- requests had come at even distances.
-- State: "{beginning of the latter (µs)} {its requests} {requests of the former}".
algorithms.sliding_window = function(key, limit, window, cost)
    local begun, current, former = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
    begun, current, former = tonumber(begun) or now, tonumber(current) or 0, tonumber(former) or 0
    local start = begun
    if begun > now then
        -- In the place of the former window stands nothing that is known.
        start, former = now, 0
    end
    local passed = math.floor((now - start) / window)
    if passed == 1 then
        start, current, former = start + window, 0, current
    elseif passed > 1 then
        start, current, former = now, 0, 0
    end
    local left = start + window - now
    -- Multiplied by the window, so that it is a whole number.
    local used = current * window + former * left
    local allowed = used + cost * window <= limit * window
    local retry, room = -1, limit - cost
    if room >= 0 and not allowed then
        if current <= room then
            retry = left - math.floor((room - current) * window / former)
        else
            retry = left + window - math.floor(room * window / current)
        end
    end
    local state = allowed and string.format('%.0f %.0f %.0f', start, current + cost, former)
    local mended = begun > now and string.format('%.0f %.0f %.0f', start, current, former)
    local reset = current > 0 and left + window or former > 0 and left or 0
    local remaining = math.max(math.floor((limit * window - used) / window), 0)
    return allowed, remaining, reset, remaining - cost, left + window, retry, state, mended,
        lifetime(left + window)
end
