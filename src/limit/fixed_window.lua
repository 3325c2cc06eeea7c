
-- The first request begins a window, and the first one after its end begins the next.
-- State: beginning (µs), requests.
local function fixed_window(found, at, limit, window)
    local begun, count, goes_on = now, 0, false
    if found then
        begun, count = struct_unpack('>dd', found, at)
        goes_on = begun <= now and now - begun < window
        if not (begun + count < LARGEST) or now - begun >= window then
            begun, count, goes_on = now, 0, false
        end
    end
    local start = begun > now and now or begun
    local left = start + window - now
    local fits = count + cost <= limit
    return fits, count < limit and limit - count or 0, count > 0 and left or 0, left, cost <= limit and left or -1,
        fits and struct_pack('>dd', start, count + cost), goes_on, begun > now and struct_pack('>dd', start, count)
end
