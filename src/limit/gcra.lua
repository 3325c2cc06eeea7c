
-- The generic cell rate algorithm: requests leave at an even pace, and `burst` of them may come at once.
-- State: when all of them will have left (µs). Reference: https://brandur.org/rate-limiting
local function gcra(key, limit, window, burst)
    local interval = math.ceil(window / limit)
    local tolerance = burst * interval
    local empty, mended = now, false
    local found = redis.call('GET', key)
    if found and #found == 8 then
        empty = math.max(struct.unpack('>d', found), now)
        if not (empty <= now + tolerance) then
            empty = now + tolerance
            mended = struct.pack('>d', empty)
        end
    end
    local later = empty + cost * interval
    local allowed = later - now <= tolerance
    local remaining = math.floor((now + tolerance - empty) / interval)
    return allowed, remaining, empty - now, remaining - cost, later - now,
        cost <= burst and later - now - tolerance or -1, allowed and struct.pack('>d', later), mended
end
