<?php
/* Every callback that fails or throws, in every operation: what PHP calls, warns of and returns, in the order in which it
   happens. Each case is a process of its own.
   usage: php-cgi -n sweep.php FILE >/dev/null     writes FILE; the responses of the cases go to standard output */
require __DIR__ . '/../oracle/kit/lib/diag.php';

/* What is done, one operation after another. "headers" sends the first byte of the response. */
const PROGRAMS = ['start close', 'start set close', 'start regenerate close', 'start regenerate_delete close', 'start set regenerate close',
    'start destroy', 'start destroy start close', 'start reset close', 'start set abort start close', 'start gc create_id close', 'read_and_close start close',
    'start regenerate regenerate_delete close', 'start headers reset close', 'start forget reset close', 'start forget headers reset close',
    'headers start close', 'start decode_broken start', 'start headers regenerate close', 'start regenerate reset close'];
const CALLBACKS = ['open', 'close', 'read', 'write', 'destroy', 'gc', 'create_sid', 'validate_sid', 'update_timestamp'];
const SETTINGS = [
    'plain' => [], 'strict' => ['use_strict_mode' => 1], 'eager' => ['lazy_write' => 0], 'gc' => ['gc_probability' => 1, 'use_strict_mode' => 1],
    'nocookies' => ['use_cookies' => 0, 'use_strict_mode' => 1], 'unlimited' => ['use_cookies' => 0, 'cache_limiter' => ''],
    'odd_limiter' => ['use_cookies' => 0, 'cache_limiter' => 'odd', 'use_strict_mode' => 1],
];

final class Recorder implements SessionHandlerInterface, SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    public array $log = [], $store = ['ex' => 'a|i:1;'], $counts = [], $hits = [];
    private int $ids = 0;
    public function __construct(public array $failures) {}
    /** False if this call is to fail. */
    private function note(string $name, string $arguments = ''): bool
    {
        $this->log[] = $name . $arguments;
        $nth = $this->counts[$name] = ($this->counts[$name] ?? 0) + 1;
        foreach ($this->failures as $i => [$on, $at, $how]) {
            if ($on !== $name || $at !== $nth) continue;
            $this->hits[$i] = true;
            if ($how === 'throws') throw new RuntimeException('scripted: ' . $name);
            return false;
        }
        return true;
    }
    public function open($path, $name): bool { return $this->note('open'); }
    public function close(): bool { return $this->note('close'); }
    public function read($id): string|false { return $this->note('read', "($id)") ? $this->store[$id] ?? '' : false; }
    public function write($id, $data): bool
    {
        if (!$this->note('write', "($id,$data)")) return false;
        $this->store[$id] = $data;
        return true;
    }
    public function destroy($id): bool
    {
        if (!$this->note('destroy', "($id)")) return false;
        unset($this->store[$id]);
        return true;
    }
    public function gc($lifetime): int|false { return $this->note('gc', "($lifetime)") ? 2 : false; }
    public function create_sid(): string { $this->note('create_sid'); return 'n' . ++$this->ids; }
    public function validateId($id): bool { return $this->note('validate_sid', "($id)") && isset($this->store[$id]); }
    public function updateTimestamp($id, $data): bool { return $this->note('update_timestamp', "($id,$data)"); }
}

function set(array $settings): void
{
    $all = $settings + ['use_cookies' => 1, 'use_strict_mode' => 0, 'lazy_write' => 1, 'gc_probability' => 0, 'gc_divisor' => 1, 'save_path' => '/p', 'cache_limiter' => 'nocache'];
    foreach ($all as $name => $value) ini_set("session.$name", (string)$value);
}

function operate(string $op, Recorder $r)
{
    switch ($op) {
        case 'start': return session_start();
        case 'read_and_close': return session_start(['read_and_close' => true]);
        case 'set': $_SESSION['n'] = 2; return true;
        case 'close': return session_write_close();
        case 'abort': return session_abort();
        case 'reset': return session_reset();
        case 'destroy': return session_destroy();
        case 'regenerate': return session_regenerate_id(false);
        case 'regenerate_delete': return session_regenerate_id(true);
        case 'gc': return session_gc() !== false;
        case 'create_id': return session_create_id() !== false;
        case 'decode_broken': return session_decode('broken|x');
        case 'headers': echo 'x'; flush(); return true;
        case 'forget': $r->store = []; return true;
    }
}

/** End this process without any of PHP's shutdown. */
function vanish(): never { pcntl_exec('/bin/true'); exit(1); }

/** One case as text, or null if none of its failures was met. */
function one(string $program, string $set, string $cookie, array $failures): ?string
{
    set(SETTINGS[$set]);
    $r = new Recorder($failures);
    set_error_handler(function (int $level, string $text) use ($r): bool {
        if (!($level & (E_DEPRECATED | E_USER_DEPRECATED))) $r->log[] = '!' . Diag::classify($text);
        return true;
    });
    session_set_save_handler($r, true);
    if ($cookie !== '-') $_COOKIE['PHPSESSID'] = $cookie;
    $out = [];
    foreach (explode(' ', $program) as $op) {
        $sent = headers_list();
        $thrown = false;
        try {
            $result = operate($op, $r) ? 'true' : 'false';
        } catch (Throwable $e) {
            for ($root = $e; $root->getPrevious(); $root = $root->getPrevious());
            $thrown = $root instanceof RuntimeException;
            $result = 'throws';
            if (!$thrown) $r->log[] = '!' . Diag::classify($e->getMessage());
        }
        $status = session_status() === PHP_SESSION_ACTIVE ? 'active' : 'none';
        $cookies = array_filter(array_diff(headers_list(), $sent), fn($h) => str_starts_with($h, 'Set-Cookie: PHPSESSID='));
        $line = $op . ': ' . implode(' ', [...$r->log, '=', $result, $status, session_id() === '' ? '-' : session_id()]);
        foreach ($cookies as $c) $line .= ' @' . explode(';', substr($c, 22))[0];
        // An id that PHP made up where create_sid gave none.
        $out[] = preg_replace('/\b[0-9a-f]{32}\b/', 'random', $line);
        $r->log = [];
        if ($thrown) break;
    }
    $names = array_map(fn($f) => implode(' ', $f), $failures);
    return count($r->hits) < count($failures) ? null : "$set $cookie | " . implode(', ', $names) . ' | ' . implode(' ; ', $out) . ' | ex=' . ($r->store['ex'] ?? '-');
}

$failing = [[]];
foreach (CALLBACKS as $name) foreach ([1, 2, 3] as $nth) foreach (['fails', 'throws'] as $how) {
    if ($name === 'create_sid' && $how === 'fails') continue;   // its type does not let it
    $failing[] = [[$name, $nth, $how]];
    if ($how === 'fails' && $name !== 'close') foreach ([1, 2] as $close) $failing[] = [[$name, $nth, $how], ['close', $close, 'throws']];
}
$cases = [];
foreach (PROGRAMS as $program) foreach (array_keys(SETTINGS) as $set) foreach (['-', 'ex', 'unknown'] as $cookie) foreach ($failing as $f) $cases[] = [$program, $set, $cookie, $f];
$file = $argv[1];
$jobs = 3;
$parts = [];
for ($job = 0; $job < $jobs; $job++) {
    if (pcntl_fork()) continue;
    foreach ($cases as $n => $case) {
        if ($n % $jobs !== $job) continue;
        $pid = pcntl_fork();
        if (!$pid) {
            $line = one(...$case);
            if ($line !== null) file_put_contents("$file.$job", "$n $line\n", FILE_APPEND);
            vanish();
        }
        pcntl_waitpid($pid, $status);
    }
    vanish();
}
while (pcntl_wait($status) > 0);
$lines = [];
for ($job = 0; $job < $jobs; $job++) {
    if (!is_file("$file.$job")) continue;
    foreach (file("$file.$job") as $line) { [$n, $text] = explode(' ', $line, 2); $lines[(int)$n] = $text; }
    unlink("$file.$job");
}
ksort($lines);
/* What happens in the same way under several settings stands there once. */
$kept = [];
foreach ($lines as $line) $kept += [explode(' | ', $line, 2)[1] => $line];
file_put_contents($file, implode('', $kept));
file_put_contents('php://stderr', sprintf("%d cases, %d lines\n", count($cases), count($kept)));
