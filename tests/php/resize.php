<?php
// resize.php ID SEED: write a session of 10 bytes to 3 MiB, cut it, write it again, until the input ends;
// says how often.
[, $id, $seed] = $argv;
mt_srand((int) $seed);
stream_set_blocking(STDIN, false);
ini_set('memory_limit', '128M');
$times = 0;
do {
    session_id($id);
    session_start() || exit(1);
    $length = mt_rand(0, 7) === 0 ? mt_rand(10, 100000) : mt_rand(1 << 20, 3 << 20);
    $_SESSION = ['p' => str_repeat(chr(ord('a') + $times % 26), $length)];
    session_write_close() || exit(1);
    if ($times++ === 0) {
        echo "writing\n";
    }
} while (fgets(STDIN) !== false || !feof(STDIN));
echo "$times\n";
