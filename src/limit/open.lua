-- Judge one call against any number of limits, and count it on all of them or on none.
-- KEYS[i]     state of limit i; or KEYS[1] alone: the states of all limits, one after the other
-- ARGV[1]     cost (requests)        ARGV[2]  '1': count the call; '0': only look
-- ARGV[i+2]   limit i as src/limit/rule.rs packs it: number of its algorithm, where its state begins in the value of its key
--             (from 1), bytes of that whole value, limit (requests), window (µs), and burst (requests; of gcra) or 1 if refused
--             calls count too (of sliding_log); then, as text, how long the value is kept (ms): longer than it matters, for the
--             server expires keys by a time that it took before the script began
-- Returns, packed as doubles: now (µs), and of each limit: allowed (0 or 1), remaining (requests), reset (µs from now), retry
-- (µs from now, or -1: no wait helps)
--
-- Each algorithm is a function in a file of its own between this one and close.lua:
--   f(found, at, limit, window, extra, key, rule) -> (found: the value of the key, if it has the right length; at: where in it)
--     fits, remaining, reset       whether it allows the call; and as things stand if that is not counted
--     reset                        if it is; `remaining` is then less by the cost
--     retry                        how long to wait for this cost; counts only if it is refused
--     state                        what is stored if it is counted; a function stores by itself
--     goes_on                      whether the state that was found ends when this one does: then it is written over, which
--                                  costs half of what storing and a new lifetime cost
--     mended                       what is stored if it is not, where a clock that was set back left times in the future
--     punishes                     whether it is counted even if it is refused
-- A time in the future is taken for now, and lifetimes are relative: when the clock is set, nobody is locked out for longer than
-- a window or two, and nobody is let in more often than once for each time that it is.
--
-- States, limits and the reply are packed by `struct`: reading and writing numbers as text took half of the script's time.

local call, struct_pack, struct_unpack, floor = redis.call, struct.pack, struct.unpack, math.floor
local KEYS, ARGV = KEYS, ARGV
if redis.replicate_commands then
    -- Redis 6 with `lua-replicate-commands no` refuses writes after TIME without it; later servers know nothing else.
    redis.replicate_commands()
end
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local counts = ARGV[2] == '1'
-- Lua's numbers are whole up to here; what is not below is no state of ours.
local LARGEST = 9007199254740992

-- As text, for the server would make text of a number first.
local function lifetime(rule)
    return string.sub(rule, 30)
end
