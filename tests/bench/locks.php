<?php
// PHP's part of locks.c: `share DIRECTORY ID BEGIN END HOLD` takes and holds the session between two moments of
// the monotonic clock and prints its cycles and its longest wait; `wait DIRECTORY ID` prints a line, waits for the
// session, and prints when it got it. Times are nanoseconds.
[, $what, $directory, $id] = $argv;
ini_set('session.save_path', $directory);
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.gc_probability', '0');

if ($what === 'wait') {
    session_id($id);
    echo "waits\n";
    session_start();
    echo hrtime(true), "\n";
    session_write_close();
    exit;
}

[, , , , $begin, $end, $hold] = $argv;
$cycles = $longest = 0;
while (hrtime(true) < $begin) {
    usleep(500);
}
while (($asked = hrtime(true)) < $end) {
    session_id($id);
    session_start();
    $longest = max($longest, hrtime(true) - $asked);
    usleep(intdiv((int)$hold, 1000));
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    session_write_close();
    $cycles++;
}
echo "$cycles $longest\n";
