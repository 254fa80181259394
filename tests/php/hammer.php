<?php
// hammer.php IDS SEED: as hammer.c, one thread, until its input ends; says how many sessions it changed.
[, $ids, $seed] = $argv;
mt_srand((int) $seed);
stream_set_blocking(STDIN, false);
echo "hammering\n";
$changed = 0;
$text = fn ($n) => str_repeat(chr(ord('a') + $n % 26), $n * 2477 % 20000);
do {
    session_id(sprintf('hammer-%032d', mt_rand(0, $ids - 1)));
    session_start() || exit(1);
    $n = $_SESSION['n'] ?? 0;
    if ($n !== 0 && $_SESSION['p'] !== $text($n)) {
        fwrite(STDERR, "a half-written session\n");
        exit(1);
    }
    $_SESSION['n'] = $n + 1;
    $_SESSION['p'] = $text($n + 1);
    session_write_close() || exit(1);
    $changed++;
} while (fgets(STDIN) !== false || !feof(STDIN));
echo "$changed\n";
