
-- One request per window: a key that nobody else may have set, as `SET key value EX seconds NX` does.
-- State: the time as Python's time.time() has it, for people; what counts is that the key lives.
local function once(_, _, _, window, _, key)
    local left = call('PTTL', key) * 1000
    if left == -1000 or left > window then
        -- It has no end, or a clock that was set back put it off.
        left = window
        if counts then
            call('PEXPIRE', key, math.ceil(window / 1000))
        end
    end
    local held = left >= 0
    local fits = not held and cost == 1
    left = held and math.max(left, 1000) or 0
    local function store()
        -- Until a moment of our own `now`: a lifetime would begin when the server last looked at its clock, some ms before.
        local ends = math.floor(now / 1000) + math.ceil(window / 1000)
        call('SET', key, string.format('%.6f', now / 1000000), 'PXAT', string.format('%.0f', ends))
    end
    return fits, held and 0 or 1, left, window, cost == 1 and left or -1, fits and store
end
