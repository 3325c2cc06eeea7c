
-- The generic cell rate algorithm: requests leave at an even pace, and `burst` of them may come at once.
-- State: when all of them will have left (µs). Reference: https://brandur.org/rate-limiting
local function gcra(found, at, limit, window, burst)
    local interval = math.ceil(window / limit)
    local tolerance = burst * interval
    local empty, mended = now, false
    if found then
        local stored = struct_unpack('>d', found, at)
        if stored < LARGEST and stored > now then
            empty = stored
            if empty > now + tolerance then
                empty = now + tolerance
                mended = struct_pack('>d', empty)
            end
        end
    end
    local later = empty + cost * interval
    local fits = later - now <= tolerance
    local remaining = (now + tolerance - empty) / interval
    return fits, remaining - remaining % 1, empty - now, later - now, cost <= burst and later - now - tolerance or -1,
        fits and struct_pack('>d', later), false, mended
end
