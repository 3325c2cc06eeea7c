
-- The first request begins a window, and the first one after its end begins the next.
-- State: beginning (µs), requests.
local function fixed_window(key, limit, window)
    local begun, count, goes_on = now, 0, false
    local found = call('GET', key)
    if found and #found == 16 then
        begun, count = struct_unpack('>dd', found)
        goes_on = begun <= now and now - begun < window
        if not (begun + count < LARGEST) or now - begun >= window then
            begun, count, goes_on = now, 0, false
        end
    end
    local start = begun > now and now or begun
    local left = start + window - now
    local allowed = count + cost <= limit
    return allowed, math.max(limit - count, 0), count > 0 and left or 0, limit - count - cost, left,
        cost <= limit and left or -1, allowed and struct_pack('>dd', start, count + cost), goes_on,
        begun > now and struct_pack('>dd', start, count)
end
