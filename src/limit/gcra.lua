
-- The generic cell rate algorithm: requests leave at an even pace, and `burst` of them may come at once.
-- State: "{time at which all of them will have left (µs)}". Reference: https://brandur.org/rate-limiting
algorithms.gcra = function(key, limit, window, cost, burst)
    local interval = math.ceil(window / limit)
    local tolerance = burst * interval
    local found = tonumber(redis.call('GET', key)) or 0
    local empty = math.min(math.max(found, now), now + tolerance)
    local later = empty + cost * interval
    local allowed = later - now <= tolerance
    local remaining = math.floor((now + tolerance - empty) / interval)
    local mended = found > empty and string.format('%.0f', empty)
    return allowed, remaining, empty - now, remaining - cost, later - now,
        cost <= burst and later - now - tolerance or -1, allowed and string.format('%.0f', later), mended,
        lifetime(later - now)
end
