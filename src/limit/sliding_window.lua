
-- Two windows, one after the other: of the former as much counts as still reaches into the span that ends now, as if its
-- requests had come at even distances.
-- State: beginning of the latter (µs), its requests, requests of the former.
local function sliding_window(key, limit, window)
    local start, current, former, goes_on, mended = now, 0, 0, false, false
    local found = call('GET', key)
    if found and #found == 24 then
        start, current, former = struct_unpack('>ddd', found)
        if start > now then
            -- In the place of the former window stands nothing that is known.
            start, former = now, 0
            mended = struct_pack('>ddd', start, current, former)
        elseif now - start >= window then
            if now - start < 2 * window then
                start, current, former = start + window, 0, current
            else
                start, current, former = now, 0, 0
            end
        else
            goes_on = true
        end
        if not (start + current + former < LARGEST) then
            start, current, former, goes_on, mended = now, 0, 0, false, false
        end
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
    local reset = current > 0 and left + window or former > 0 and left or 0
    local remaining = math.max(math.floor((limit * window - used) / window), 0)
    return allowed, remaining, reset, remaining - cost, left + window, retry,
        allowed and struct_pack('>ddd', start, current + cost, former), goes_on, mended
end
