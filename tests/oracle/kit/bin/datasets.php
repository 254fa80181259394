<?php
/* usage: php -n kit/bin/datasets.php generate|verify
   values.jsonl and malformed.jsonl beside the kit */
ini_set('memory_limit', '2G');
ini_set('serialize_precision', '-1');
ini_set('precision', '14');
ini_set('unserialize_max_depth', '4096');
ini_set('error_reporting', (string)E_ALL);
ini_set('display_errors', 'stderr');
require __DIR__ . '/../lib/valuegen.php';
require __DIR__ . '/../lib/sessioncodec.php';
error_reporting(E_ALL & ~E_DEPRECATED);
final class LegacyPoint implements Serializable   // C: form
{
    public function __construct(public string $raw = '') {}
    public function serialize() { return $this->raw; }
    public function unserialize(string $d) { $this->raw = $d; }
}
$cmd = $argv[1] ?? '';
$set = 'public';
$root = dirname(__DIR__, 2);
$profile = $set === 'public' ? 'a' : 'b';
$seed = 20240102;
[$nValues, $nMal] = $set === 'public' ? [2500, 720] : [1330, 440];
$suffix = '';
Codec::boot();
const J = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR;
const MAXDEPTH = 36;   // keeps the JSON below the nesting limit of common parsers (128)

function b64(?string $s): ?string { return $s === null ? null : base64_encode($s); }
function typedOrNull($v) { return Typed::encLimited($v, MAXDEPTH); }

/* ---------------- values ---------------- */
function values(ValueGen $g, string $profile, int $total): array
{
    $list = [];
    $add = function (string $cat, array $t, bool $table = false) use (&$list) { $list[] = [$cat, $t, $table]; };
    // fixed points
    $add('null', ['t' => 'null']);
    $add('bool', ['t' => 'bool', 'v' => true]);
    $add('bool', ['t' => 'bool', 'v' => false]);
    foreach ($profile === 'a' ? ['0', '-1', '1', '127', '128', '255', '256', '32767', '65535', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967295', '4294967296', '9007199254740993', '9223372036854775807', '-9223372036854775808', '-9223372036854775807']
        : ['2', '-2', '99', '1000', '16777216', '16777217', '-32769', '1099511627776', '9223372036854775806', '4611686018427387904', '1000000000000000000', '-1000000000000000000'] as $i) $add('int', ValueGen::I($i));
    foreach (ValueGen::specialFloats($profile) as $f) $add('float', $f);
    foreach (['Hearts', 'Spades'] as $c) $add('enum', ['t' => 'enum', 'class' => 'Suit', 'case' => $c]);
    foreach (['Low', 'High'] as $c) $add('enum', ['t' => 'enum', 'class' => 'Level', 'case' => $c]);
    $add('enum', ValueGen::A([[ValueGen::S('s'), ['t' => 'enum', 'class' => 'Suit', 'case' => 'Hearts']], [ValueGen::S('again'), ['t' => 'enum', 'class' => 'Suit', 'case' => 'Hearts']], [ValueGen::S('o'), ['t' => 'object', 'class' => 'stdClass', 'props' => [[ValueGen::S('e'), ['t' => 'enum', 'class' => 'Level', 'case' => 'Low']]]]]]));
    foreach ([1, 2, 3, 10, 20, 30, 34] as $d) $add('deep', $g->deep($d));
    $plan = ['int' => 8, 'float' => 22, 'string' => 14, 'array' => 14, 'awkward-keys' => 8, 'object' => 9, 'linked' => 10, 'table' => 9, 'table-awkward' => 5, 'custom' => 1];
    $sum = array_sum($plan);
    $left = $total - count($list);
    foreach ($plan as $cat => $w) {
        $n = (int)ceil($left * $w / $sum);
        for ($i = 0; $i < $n; $i++) {
            switch ($cat) {
                case 'int': $add($cat, $g->int()); break;
                case 'float': $add($cat, $g->float()); break;
                case 'string': $add($cat, $g->str()); break;
                case 'array': $add($cat, $g->arr($g->r(0, 5) ? 1 : 3)); break;
                case 'awkward-keys': $add($cat, $g->arr(1, false, true)); break;
                case 'object': $add($cat, $g->r(0, 1) ? $g->object($g->r(0, 3) ? 1 : 2) : $g->arr(1, true)); break;
                case 'linked': $add($cat, $g->linked(), (bool)$g->r(0, 1)); break;
                case 'table': $add($cat, $g->table(false), true); break;
                case 'table-awkward': $add($cat, $g->table(true), true); break;
                case 'custom': $add($cat, ['t' => 'custom', 'payload' => $g->str()['v'], 'wrap' => $g->r(0, 2)]); break;
            }
        }
    }
    return $list;
}
function valueLines(ValueGen $g, string $profile, int $total, array $seen): string
{
    $out = '';
    $i = 0;
    foreach (values($g, $profile, $total) as [$cat, $t, $table]) {
        $needs = null;
        if ($t['t'] === 'custom') {
            $p = new LegacyPoint(Typed::unbytes($t['payload']));
            $tv = ['t' => 'custom', 'class' => 'LegacyPoint', 'payload' => $t['payload']];
            [$v, $typed] = match ($t['wrap']) {
                0 => [$p, $tv],
                1 => [[$p], ValueGen::A([[ValueGen::I(0), $tv]])],
                2 => [['a' => 1, 'p' => $p, 'z' => null], ValueGen::A([[ValueGen::S('a'), ValueGen::I(1)], [ValueGen::S('p'), $tv], [ValueGen::S('z'), ['t' => 'null']]])],
            };
            $needs = 'custom';
        } else {
            $v = Typed::dec($t);
            $typed = Typed::enc($v);
            if ($cat === 'enum') $needs = 'enum';
        }
        $ser = serialize($v);
        $h = base64_encode($ser);
        if (isset($seen[$h])) continue;
        $seen[$h] = 1;
        $line = ['i' => $i++, 'cat' => $cat];
        if ($needs) $line['needs_class'] = $needs;
        if ($table) $line['as_table'] = true;
        $line['value'] = $typed;
        $line['serialize'] = b64($ser);
        $line['session'] = [];
        foreach (Codec::ALL as $s) {
            $tab = $table ? $v : ['v' => $v];
            $line['session'][$s] = b64(Codec::encode($s, $tab));
            unset($tab);
        }
        // self-check: bytes -> value -> bytes is stable, and the typed form is the same (classes unknown to the reader aside)
        if (!$needs) {
            $back = unserialize($ser);
            if (serialize($back) !== $ser) throw new RuntimeException("not canonical: $ser");
            // PHP cannot tell "reference to an object" from "the object" in these bytes: reading them back gives other reference groups
            if (json_encode(Typed::enc($back), J) !== json_encode($typed, J)) $line['one_way'] = true;
        }
        $out .= json_encode($line, J, 4096) . "\n";
        unset($v, $back);
    }
    return $out;
}
/* ---------------- malformed ---------------- */
function mutate(ValueGen $g, string $s): string
{
    $n = strlen($s);
    if ($n === 0) return 'x';
    $p = $g->r(0, $n - 1);
    switch ($g->r(0, 13)) {
        case 0: return substr($s, 0, $p);
        case 1: return substr($s, 0, $p) . substr($s, $p + 1);
        case 2: return substr($s, 0, $p) . chr($g->r(32, 126)) . substr($s, $p);
        case 3: $s[$p] = chr(ord($s[$p]) ^ (1 << $g->r(0, 7))); return $s;
        case 4: return preg_replace_callback('/\d+/', fn($m) => $g->r(0, 3) ? $m[0] : (string)((int)$m[0] + $g->r(-1, 1)), $s) . '';
        case 5: $l = $g->pick(['i', 'd', 's', 'b', 'a', 'O', 'N', 'R', 'r', 'C', 'E', 'S', 'x']); return preg_replace('/[idsbaONRr](?=:)/', $l, $s, 1);
        case 6: return $s . $g->pick([' ', "\n", "\0", ';', '}', 'x', 'i:1;', 'a|i:1;', $s]);
        case 7: return $g->pick([' ', "\n", '|', '!', "\0", 'x']) . $s;
        case 8: return str_replace($a = $g->pick([';', ':', '"', '{', '}', '|']), $g->pick(['', ';', ':', ',', $a . $a]), $s);
        case 9: { $q = $g->r(0, $n - 1); [$a, $b] = $p < $q ? [$p, $q] : [$q, $p]; return substr($s, 0, $a) . substr($s, $b); }
        case 10: { $q = min($n, $p + $g->r(1, 6)); return substr($s, 0, $q) . substr($s, $p); }
        case 11: return preg_replace('/:(\d+):/', ':' . $g->pick(['0', '-1', '+1', '99', '2147483648', '99999999999999999999', '01', '', ' 1']) . ':', $s, 1);
        case 12: return preg_replace('/i:-?\d+;/', $g->pick(['i:;', 'i:-;', 'i:1.0;', 'i: 1;', 'i:0x1;', 'R:1;', 'R:2;', 'r:1;', 'r:2;', 'b:1;', 'N;', 'd:1;', 'i:99999999999999999999;']), $s, 1);
        default: return preg_replace('/s:\d+:/', $g->pick(['s:', 's:-1:', 'S:1:', 's:0:', 's:999:', 's:1:1:']), $s, 1);
    }
}
function malformedLines(ValueGen $g, array $hand, int $total, string $profile, array $seen): string
{
    $cases = [];
    $add = function (string $cat, string $b) use (&$cases, &$seen) {
        if (strlen($b) > 70000 || isset($seen[base64_encode($b)])) return;
        $seen[base64_encode($b)] = 1;
        $cases[] = [$cat, $b];
    };
    foreach ($hand as [$cat, $b]) $add($cat, $b);
    foreach ($profile === 'a' ? [30, 100, 4095, 4096, 4097] : [31, 200, 4094, 4098] as $d) $add('depth', str_repeat($u = $profile === 'a' ? 'a:1:{i:0;' : 'a:1:{i:7;', $d) . 'N;' . str_repeat('}', $d));
    $kinds = ['serialize', 'php', 'php_binary', 'php_serialize'];
    while (count($cases) < $total) {
        $kind = $kinds[count($cases) % 4];
        $t = match ($g->r(0, 4)) { 0 => $g->scalar(), 1 => $g->arr(1), 2 => $g->object(1), 3 => $g->linked(), default => $g->table(false) };
        $v = Typed::dec($t);
        $bytes = $kind === 'serialize' ? serialize($v) : Codec::encode($kind, is_array($v) && $t['t'] === 'array' ? $v : ['v' => $v, 'w' => 1]);
        if ($bytes === null || strlen($bytes) > 500) continue;
        if ($g->r(0, 9) < ($kind === 'php' || $kind === 'php_binary' ? 3 : 1)) { $add("valid-$kind", $bytes); continue; }
        $m = mutate($g, $bytes);
        if ($g->r(0, 3) === 0) $m = mutate($g, $m);
        // a mutated class name must not name a class that PHP has
        if (preg_match_all('/[OCE]:\+?\d+:"([^"]*)"/', $m, $mm)) foreach ($mm[1] as $c) { $c = explode(':', $c)[0]; if ($c !== 'stdClass' && $c !== 'StdClass' && (class_exists($c, false) || interface_exists($c, false))) continue 2; }
        $add("mutated-$kind", $m);
    }
    $out = '';
    foreach ($cases as $i => [$cat, $b]) {
        $o = ['i' => $i, 'cat' => $cat, 'bytes' => base64_encode($b)];
        $o['unserialize'] = verdict($b);
        if (str_contains($b, '__PHP_Incomplete_Class') || preg_match('/[saORrCES]:\+?\d{20,}/', $b)) $o['unserialize']['php_quirk'] = true;
        $o['session'] = [];
        foreach (Codec::ALL as $s) {
            $r = Codec::decode($s, $b, fn($v) => typedOrNull($v));
            if ($r['ok'] && $r['table'] === null) { $r['table_omitted'] = 'nesting'; unset($r['table']); }
            $r['notes'] = array_values(array_unique(array_map('noteClass', $r['notes'])));
            if (!$r['notes']) unset($r['notes']);
            if ($s === 'php_serialize' && !empty($o['unserialize']['php_quirk'])) $r['php_quirk'] = true;
            $o['session'][$s] = $r;
        }
        $out .= json_encode($o, J, 4096) . "\n";
    }
    return $out;
}
function noteClass(string $m): string
{
    return match (true) {
        str_contains($m, 'Error at offset') => 'error at offset',
        str_contains($m, 'Numerical result out of range') => 'number out of range',
        str_contains($m, 'has no unserializer') => 'class has no unserializer',
        str_contains($m, 'Unexpected end of serialized data') => 'unexpected end',
        str_contains($m, 'Maximum depth') => 'too deep',
        str_contains($m, "Class '") && str_contains($m, 'not found'), str_contains($m, 'Class "') => 'class not found',
        str_contains($m, 'Skipping numeric key') => 'numeric key skipped',
        str_contains($m, 'Cannot encode non-existent session') => 'table is not an array',
        str_contains($m, 'is not an enum') => 'not an enum', str_contains($m, 'Undefined constant') => 'no such case',
        str_contains($m, 'Insufficient data for unserializing') => 'insufficient data',
        str_contains($m, 'Invalid enum name') => 'enum name malformed',
        default => preg_replace('/^\w+\(\): /', '', $m),
    };
}
function accepts(string $b, &$v, &$notes): bool
{
    Codec::$notes = [];
    try {
        $v = unserialize($b);
    } catch (Throwable $e) { $notes = [get_class($e) . ': ' . $e->getMessage()]; $v = null; return false; }
    $notes = Codec::$notes;
    foreach ($notes as $n) if (str_contains($n, 'Error at offset')) return false;
    return !($v === false && $b === '');
}
function verdict(string $b): array
{
    $ok = accepts($b, $v, $notes);
    $r = ['ok' => $ok];
    if ($ok) {
        $t = typedOrNull($v);
        if ($t === null) $r['value_omitted'] = 'nesting'; else $r['value'] = $t;
        $canon = serialize($v);
        $r['serialize'] = base64_encode($canon);
        // PHP's own result does not survive a round trip: root references, the magic incomplete-class property
        $back = unserialize($canon);
        if (json_encode(typedOrNull($back), J, 8192) !== json_encode($t, J, 8192)) $r['php_quirk'] = true;
        $lo = 1; $hi = strlen($b);
        while ($lo < $hi) { $mid = intdiv($lo + $hi, 2); if (accepts(substr($b, 0, $mid), $x, $n2)) $hi = $mid; else $lo = $mid + 1; unset($x); }
        $r['consumed'] = $lo;
    } else {
        foreach ($notes as $n) if (preg_match('/Error at offset (\d+) of/', $n, $m)) $r['php_offset'] = (int)$m[1];
    }
    $c = array_values(array_unique(array_filter(array_map('noteClass', $notes), fn($x) => $x !== 'error at offset')));
    if ($c) $r['notes'] = $c;
    return $r;
}
function hand(string $file): array
{
    $o = [];
    $cat = 'hand';
    foreach (file($file, FILE_IGNORE_NEW_LINES) as $ln) {
        if ($ln === '' || str_starts_with($ln, '##')) continue;
        if (preg_match('/^# (\S+)/', $ln, $m)) { $cat = $m[1]; continue; }
        $o[] = [$cat, $ln === '(empty)' ? '' : stripcslashes_min($ln)];
    }
    return $o;
}
/** only \xHH and \\ are escapes in the hand-written lists */
function stripcslashes_min(string $s): string
{
    return preg_replace_callback('/\\\\(x[0-9a-f]{2}|\\\\)/', fn($m) => $m[1] === '\\' ? '\\' : chr(hexdec(substr($m[1], 1))), $s);
}
/** the hold-out lists repeat nothing of the public ones */
function publicKeys(string $file, string $field): array
{
    $o = [];
    foreach (file($file) as $ln) $o[json_decode($ln, true, 8192)[$field]] = 1;
    return $o;
}
$seenV = $set === 'public' ? [] : publicKeys("$root/values.jsonl", 'serialize');
$seenM = $set === 'public' ? [] : publicKeys("$root/malformed.jsonl", 'bytes');
$files = [
    "$root/values$suffix.jsonl" => valueLines(new ValueGen($seed, $profile), $profile, $nValues, $seenV),
    "$root/malformed$suffix.jsonl" => malformedLines(new ValueGen($seed + 1, $profile), hand(__DIR__ . '/../data/malformed-hand.txt'), $nMal, $profile, $seenM),
];
$bad = 0;
foreach ($files as $f => $text) {
    $n = substr_count($text, "\n");
    if ($cmd === 'generate') { file_put_contents($f, $text); echo basename($f) . ": $n lines, " . strlen($text) . " bytes\n"; }
    elseif ($cmd === 'verify') { $same = is_file($f) && file_get_contents($f) === $text; echo basename($f) . ": $n lines " . ($same ? 'same' : 'DIFFERENT') . "\n"; if (!$same) $bad++; }
    else { fwrite(STDERR, "usage: datasets.php generate|verify\n"); exit(2); }
}
if ($cmd === 'verify') echo count($files) - $bad . " passed, $bad failed\n";
exit($bad ? 1 : 0);
