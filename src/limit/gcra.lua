
-- The generic cell rate algorithm: requests leave at an even pace, and `burst` of them may come at once.
-- State: when all of them will have left (µs). Reference: https://brandur.org/rate-limiting
local function gcra(key, limit, window, burst)
    local interval = math.ceil(window / limit)
    local tolerance = burst * interval
    local empty, mended = now, false
    local found = call('GET', key)
    if found and #found == 8 then
        empty = math.max(struct_unpack('>d', found), now)
        if not (empty <= now + tolerance) then
            empty = now + tolerance
            mended = struct_pack('>d', empty)
        end
    end
    local later = empty + cost * interval
    local allowed = later - now <= tolerance
    local remaining = math.floor((now + tolerance - empty) / interval)
    return allowed, remaining, empty - now, remaining - cost, later - now,
        cost <= burst and later - now - tolerance or -1, allowed and struct_pack('>d', later), false,
        mended
end
