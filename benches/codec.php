<?php
// PHP's part of benches/codec.rs: for each line "OPERATION ROUNDS FILE" it works on the payload in FILE so many
// times and answers with the nanoseconds of processor time that took.
error_reporting(E_ALL);
set_error_handler(function (int $level, string $text): never {
    throw new ErrorException($text);
});
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.use_strict_mode', '0');
ini_set('session.serialize_handler', 'php');
session_set_save_handler(
    fn() => true,
    fn() => true,
    fn() => '',
    fn() => true,
    fn() => true,
    fn() => 0,
);
session_start();

// Processor time of this process: the same clock as the other side's.
function now(): int
{
    $use = getrusage();
    $seconds = $use['ru_utime.tv_sec'] + $use['ru_stime.tv_sec'];
    return 1000 * (1000000 * $seconds + $use['ru_utime.tv_usec'] + $use['ru_stime.tv_usec']);
}

while (($line = fgets(STDIN)) !== false) {
    [$operation, $rounds, $file] = explode(' ', trim($line), 3);
    $payload = file_get_contents($file);
    $rounds = (int) $rounds;
    $_SESSION = [];
    if (!session_decode($payload) || session_encode() !== $payload) {
        throw new RuntimeException("$file is not what PHP would write");
    }
    if ($operation === 'decode') {
        $begin = now();
        for ($i = 0; $i < $rounds; $i++) {
            $_SESSION = [];
            session_decode($payload);
        }
        $end = now();
    } else {
        $begin = now();
        for ($i = 0; $i < $rounds; $i++) {
            $_SESSION = [];
            session_decode($payload);
            $_SESSION['last_seen'] = $i;
            $written = session_encode();
        }
        $end = now();
        if (strlen($written) < strlen($payload) - 20) {
            throw new RuntimeException('the change was not written');
        }
    }
    echo $end - $begin, "\n";
}
