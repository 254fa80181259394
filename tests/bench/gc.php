<?php
// PHP's own collector on a directory of sessions: gc.php DIRECTORY
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.save_path', $argv[1]);
session_id('collector');
session_start();

function spent(): float
{
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']
        + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e6;
}

$peak = getrusage()['ru_maxrss'];
$began = hrtime(true);
$beganCpu = spent();
$removed = session_gc();
printf("PHP %s  removed %d  wall %.3f s  cpu %.3f s  grown by %d KiB  at one go\n", PHP_VERSION, $removed,
    (hrtime(true) - $began) / 1e9, spent() - $beganCpu, getrusage()['ru_maxrss'] - $peak);
