<?php
/* usage: php -n kit/bin/oracle.php generate|verify|show [--set public] [--jobs N] [--only SUBSTRING] [--times N] */
require __DIR__ . '/../lib/driver.php';
require __DIR__ . '/../lib/jsonout.php';
ini_set('memory_limit', '1G');
$root = dirname(__DIR__, 2);
$cmd = $argv[1] ?? 'help';
$opt = ['set' => 'public', 'jobs' => '2', 'only' => '', 'times' => '1'];
for ($i = 2; $i < $argc; $i++) if (preg_match('/^--(\w+)(?:=(.*))?$/', $argv[$i], $m)) $opt[$m[1]] = $m[2] ?? $argv[++$i];
if (!in_array($cmd, ['generate', 'verify', 'show'])) { fwrite(STDERR, "usage: oracle.php generate|verify|show [--set public] [--jobs N] [--only SUBSTRING] [--times N]\n"); exit(2); }
$sets = [$opt['set']];
$list = [];
foreach ($sets as $s) {
    $base = "$root/$s/scenarios";
    if (!is_dir($base)) continue;
    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($base, FilesystemIterator::SKIP_DOTS)) as $f) {
        if ($f->getExtension() !== 'json') continue;
        $rel = substr($f->getPathname(), strlen($base) + 1);
        if ($opt['only'] !== '' && !str_contains("$s/$rel", $opt['only'])) continue;
        $list[] = [$s, $rel];
    }
}
sort($list);
function load(string $p): array { return json_decode(file_get_contents($p), true, 4096, JSON_THROW_ON_ERROR); }
if ($cmd === 'show') {
    require __DIR__ . '/../lib/show.php';
    foreach ($list as [$s, $rel]) show_golden(load("$root/$s/scenarios/$rel"), load("$root/$s/goldens/$rel"));
    exit(0);
}
$bad = 0;
for ($round = 1; $round <= (int)$opt['times']; $round++) {
    $jobs = max(1, (int)$opt['jobs']);
    $kids = [];
    for ($j = 0; $j < $jobs; $j++) {
        $pid = pcntl_fork();
        if ($pid === 0) {
            $fail = 0;
            foreach ($list as $n => [$s, $rel]) {
                if ($n % $jobs !== $j) continue;
                try {
                    $sc = load("$root/$s/scenarios/$rel");
                    if ($sc['name'] . '.json' !== $rel) throw new RuntimeException("name field '{$sc['name']}' does not match file $rel");
                    $text = json_compact(Driver::golden($sc)) . "\n";
                } catch (Throwable $e) { echo "ERROR $s/$rel: {$e->getMessage()} ({$e->getFile()}:{$e->getLine()})\n"; $fail++; continue; }
                if (preg_match_all('/"class": ?"OTHER"[^}]*/', $text, $mm)) { foreach ($mm[0] as $x) echo "UNMAPPED $s/$rel: $x\n"; $fail++; }
                $out = "$root/$s/goldens/$rel";
                if ($cmd === 'generate') {
                    @mkdir(dirname($out), 0755, true);
                    file_put_contents($out, $text);
                } else {
                    $have = is_file($out) ? file_get_contents($out) : null;
                    // another PHP patch level: the engine line may differ, nothing else
                    $plain = fn(?string $t) => $t === null ? null : preg_replace('/"engine": ?"[^"]*"/', '"engine": ""', $t, 1);
                    if ($plain($have) !== $plain($text)) {
                        $fail++;
                        echo "DIFF $s/$rel\n";
                        $t = tempnam(sys_get_temp_dir(), 'og');
                        file_put_contents($t, $text);
                        echo shell_exec('diff -u ' . escapeshellarg($out) . ' ' . escapeshellarg($t) . ' | head -40');
                        unlink($t);
                    }
                }
            }
            exit(min(255, $fail));
        }
        $kids[] = $pid;
    }
    $tot = 0;
    foreach ($kids as $pid) { pcntl_waitpid($pid, $st); $tot += pcntl_wexitstatus($st); }
    $bad += $tot;
    echo "$cmd round $round: " . (count($list) - $tot) . " passed, $tot failed\n";
}
exit($bad ? 1 : 0);
