
-- Two windows, one after the other: of the former as much counts as still reaches into the span that ends now, as if its
-- requests had come at even distances.
-- State: beginning of the latter (µs), its requests, requests of the former.
local function sliding_window(found, at, limit, window)
    local start, current, former, goes_on, mended = now, 0, 0, false, false
    if found then
        start, current, former = struct_unpack('>ddd', found, at)
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
    local used, full = current * window + former * left, limit * window
    local fits = used + cost * window <= full
    local retry, room = -1, limit - cost
    if room >= 0 and not fits then
        if current <= room then
            retry = left - floor((room - current) * window / former)
        else
            retry = left + window - floor(room * window / current)
        end
    end
    local reset = current > 0 and left + window or former > 0 and left or 0
    local remaining = used < full and (full - used) / window or 0
    return fits, remaining - remaining % 1, reset, left + window, retry, fits and struct_pack('>ddd', start, current + cost, former),
        goes_on, mended
end
