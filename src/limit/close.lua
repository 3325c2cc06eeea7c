
-- The first three have strings as states, of which one key may hold several.
local judges = {fixed_window, sliding_window, gcra, sliding_log, once}
local limits = #ARGV - 2
local together = limits > #KEYS

-- Judges a limit, then those after it, and stores what the limit says when all have been judged: that waits on the stack until
-- then, for tables of it took a third of the script's time.
-- Returns whether all allow the call; the states of these limits, if they stand together and are to be stored, and whether all
-- of them go on; the reply for these limits.
local function judge(i, allowed, found)
    if i > limits then
        return allowed, together and counts and allowed and '', true, ''
    end
    local key, rule = KEYS[i], ARGV[i + 2]
    local algorithm, at, length, limit, window, extra = struct_unpack('>BHHddd', rule)
    if together and i > 1 then
        key = KEYS[1]
    elseif algorithm <= 3 then
        found = call('GET', key)
        if found and #found ~= length then
            found = false
        end
    end
    local fits, remaining, reset, then_reset, retry, state, goes_on, mended, punishes =
        judges[algorithm](found, at, limit, window, extra, key, rule)
    local states, all_go_on, reply
    allowed, states, all_go_on, reply = judge(i + 1, allowed and fits, found)
    if states then
        remaining, reset, states, all_go_on = remaining - cost, then_reset, state .. states, all_go_on and goes_on
    elseif counts and state and (allowed or punishes) then
        if goes_on then
            call('SETRANGE', key, '0', state)
        elseif type(state) == 'function' then
            state()
        else
            call('SET', key, state, 'PX', lifetime(rule))
        end
        remaining, reset = math.max(remaining - cost, 0), then_reset
    elseif counts and mended then
        -- A value was found, and has the right length; the states of other limits stay in it.
        call('SETRANGE', key, at - 1, mended)
        call('PEXPIRE', key, lifetime(rule))
    end
    return allowed, states, all_go_on, struct_pack('>dddd', fits and 1 or 0, remaining, reset, retry) .. reply
end

local _, states, all_go_on, reply = judge(1, true)
if states and all_go_on then
    call('SETRANGE', KEYS[1], '0', states)
elseif states then
    call('SET', KEYS[1], states, 'PX', lifetime(ARGV[3]))
end
return struct_pack('>d', now) .. reply
