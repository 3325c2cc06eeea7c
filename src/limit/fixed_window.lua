
-- The first request begins a window, and the first one after its end begins the next.
-- State: beginning (µs), requests.
local function fixed_window(key, limit, window)
    local begun, count = now, 0
    local found = redis.call('GET', key)
    if found and #found == 16 then
        begun, count = struct.unpack('>dd', found)
        if not (begun + count < LARGEST) or now - begun >= window then
            begun, count = now, 0
        end
    end
    local start = begun > now and now or begun
    local left = start + window - now
    local allowed = count + cost <= limit
    return allowed, math.max(limit - count, 0), count > 0 and left or 0, limit - count - cost, left,
        cost <= limit and left or -1, allowed and struct.pack('>dd', start, count + cost),
        begun > now and struct.pack('>dd', start, count)
end
