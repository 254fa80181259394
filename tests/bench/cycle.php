<?php
// The cycles of PHP, a turn at a time. Each line of standard input is
//     DIRECTORY PREFIX IDS MODE CYCLES MILLISECONDS
// MODE: 0 read only, 1 unchanged, 2 changed; the turn ends after so many cycles, or so many milliseconds
// if that is not 0. Answered are the cycles, and nanoseconds of processor and wall time for each.
foreach (['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '', 'gc_probability' => 0,
    'serialize_handler' => 'php', 'lazy_write' => 1] as $name => $value) {
    ini_set("session.$name", $value);
}
function cpu(): int {
    $used = getrusage();
    return ($used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']) * 1000000000
        + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) * 1000;
}
$at = 0;
while (($line = fgets(STDIN)) !== false) {
    [$directory, $prefix, $count, $mode, $cycles, $ms] = explode(' ', trim($line));
    ini_set('session.save_path', $directory);
    $ids = [];
    for ($i = 0; $i < $count; $i++) {
        $ids[] = sprintf('%s%06d', $prefix, $i);
    }
    $options = $mode === '0' ? ['read_and_close' => true] : [];
    $done = 0;
    $cpu = cpu();
    $wall = hrtime(true);
    $end = $ms > 0 ? $wall + $ms * 1000000 : 0;
    while ($end ? hrtime(true) < $end : $done < $cycles) {
        session_id($ids[++$at % $count]);
        session_start($options);
        if ($mode === '2') {
            $_SESSION['n'] = 1 - $_SESSION['n'];
        }
        if ($mode !== '0') {
            session_write_close();
        }
        $done++;
    }
    $wall = hrtime(true) - $wall;
    // Not printed: after output PHP refuses to change the settings of sessions.
    fprintf(STDOUT, "%d %d %d\n", $done, (cpu() - $cpu) / $done, $wall / $done);
}
