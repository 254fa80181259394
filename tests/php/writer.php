<?php
// writer.php ID SECONDS: writes all the time; says how often, and the longest wait in milliseconds.
[, $id, $seconds] = $argv;
$longest = $times = 0;
$end = hrtime(true) + (int) ($seconds * 1e9);
do {
    session_id($id);
    $begin = hrtime(true);
    session_start() || exit(1);
    $longest = max($longest, hrtime(true) - $begin);
    $_SESSION['n'] = ++$times;
    session_write_close() || exit(1);
    usleep(500);
} while (hrtime(true) < $end);
printf("%d %.2f\n", $times, $longest / 1e6);
