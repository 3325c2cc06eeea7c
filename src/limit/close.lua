
local judges = {fixed_window, sliding_window, sliding_log, gcra, once}
local limits = #KEYS

-- Stores what a limit says, now that all have been judged, and puts its part of the reply before those of the ones after it.
local function settle(key, rule, fits, remaining, reset, then_remaining, then_reset, retry, state, goes_on, mended, punishes,
    allowed, ...)
    if counts and state and (allowed or punishes) then
        if goes_on then
            call('SETRANGE', key, '0', state)
        elseif type(state) == 'function' then
            state()
        else
            call('SET', key, state, 'PX', lifetime(rule))
        end
        remaining, reset = then_remaining, then_reset
    elseif counts and mended then
        call('SET', key, mended, 'PX', lifetime(rule))
    end
    return allowed, fits and 1 or 0, remaining, reset, retry, ...
end

-- Judges this limit and those after it. What each says waits on the stack until all have spoken: tables of it took a third of
-- the script's time.
local function judge(i, allowed)
    if i > limits then
        return allowed
    end
    local key, rule = KEYS[i], ARGV[i + 2]
    local algorithm, limit, window, extra = struct_unpack('>Bddd', rule)
    local fits, remaining, reset, then_remaining, then_reset, retry, state, goes_on, mended, punishes =
        judges[algorithm](key, limit, window, extra, rule)
    return settle(key, rule, fits, remaining, reset, then_remaining, then_reset, retry, state, goes_on, mended, punishes,
        judge(i + 1, allowed and fits))
end

return struct_pack('>' .. string.rep('d', 4 * limits + 1), now, select(2, judge(1, true)))
