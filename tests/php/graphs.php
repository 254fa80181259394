<?php
// Sessions with references in and out of objects that serialize themselves, and what PHP makes of an edit.
//
//   php graphs.php make SEED COUNT    a line for each session: format, payload, op, path, value, payload and table after it, values alone
//   php graphs.php long SEED COUNT    lines of payload in php_serialize, some keys too long, in php_binary, and as read from there
//   php graphs.php judge              lines of format or 'value', bytes, table: says which bytes PHP reads otherwise
ob_start(fn($text) => '');
error_reporting(0);
class Box implements Serializable {
    public $things;
    function __construct($things = null) { $this->things = $things; }
    function serialize() { return serialize($this->things); }
    function unserialize($text) { $this->things = unserialize($text); }
}
/** Two values one after the other, each from a call of its own. */
class Pair implements Serializable {
    public $one, $two;
    function __construct($one = null, $two = null) { $this->one = $one; $this->two = $two; }
    function serialize() { $one = serialize($this->one); return strlen($one) . ':' . $one . serialize($this->two); }
    function unserialize($text) {
        [$length, $rest] = explode(':', $text, 2);
        $this->one = unserialize(substr($rest, 0, (int) $length));
        $this->two = unserialize(substr($rest, (int) $length));
    }
}
/** Text that is no serialized value. */
class Note implements Serializable {
    public $text;
    function __construct($text = '') { $this->text = $text; }
    function serialize() { return $this->text; }
    function unserialize($text) { $this->text = $text; }
}
class Item { public $name; public $link; }
/** Its properties come from a list. */
class Row {
    public $cells = [];
    function __serialize(): array { return $this->cells; }
    function __unserialize(array $cells): void { $this->cells = $cells; }
}
final class Maker {
    private array $objects = [];
    public bool $customs = true;
    function value(int $depth) {
        $kind = mt_rand(0, $depth > 0 ? 15 : 6);
        switch ($kind) {
            case 0: return null;
            case 1: case 2: return mt_rand(-3, 30);
            case 3: return ['x', 'some text', 'r:2;', 'color:1;'][mt_rand(0, 3)];
            case 4: case 5: if ($this->objects) return $this->objects[array_rand($this->objects)]; return 1.5;
            case 6: return new Item;
            case 7: case 8: case 9: return $this->list($depth);
            case 10: case 11:
                $item = new Item;
                $this->objects[] = $item;
                $this->fill($item->name, $depth - 1);
                $this->fill($item->link, $depth - 1);
                return $item;
            case 12:
                $row = new Row;
                $this->objects[] = $row;
                $row->cells = $this->list($depth);
                return $row;
            default:
                if (!$this->customs || mt_rand(0, 2) > 0) return mt_rand(0, 9);
                switch (mt_rand(0, 6)) {
                    case 0: return new Note(['', 'no references', 'a;b:c', 'see r:1; there'][mt_rand(0, 3)]);
                    case 1: case 2: $box = new Pair; $this->objects[] = $box;
                        $this->fill($box->one, $depth - 1); $this->fill($box->two, $depth - 1); return $box;
                    default: $box = new Box; $this->objects[] = $box; $this->fill($box->things, $depth - 1); return $box;
                }
        }
    }
    function list(int $depth): array {
        $list = [];
        for ($n = mt_rand(0, 3); $n >= 0; $n--) {
            $key = mt_rand(0, 2) ? mt_rand(-2, 4) : 'k' . mt_rand(0, 3);
            $this->fill($list[$key], $depth - 1);
        }
        return $list;
    }
    function fill(&$place, int $depth): void {
        $place = $this->value($depth);
    }
}
function bind_some(array &$table): void {
    // Paths of keys through arrays, objects and boxes.
    $paths = [];
    $walk = function ($value, array $path, int $depth) use (&$walk, &$paths) {
        if ($depth > 4) return;
        if (is_array($value)) foreach ($value as $key => $inner) { $paths[] = [...$path, $key]; $walk($inner, [...$path, $key], $depth + 1); }
        elseif ($value instanceof Item || $value instanceof Box || $value instanceof Pair || $value instanceof Row)
            foreach (get_object_vars($value) as $key => $inner) { $paths[] = [...$path, [$key]]; $walk($inner, [...$path, [$key]], $depth + 1); }
    };
    $walk($table, [], 0);
    for ($n = mt_rand(0, 3); $n > 0 && count($paths) > 1; $n--) {
        $from = $paths[array_rand($paths)];
        $to = $paths[array_rand($paths)];
        $one = &place($table, $from);
        $two = &parent_of($table, $to);
        $last = end($to);
        if ($two === null || $one === null && mt_rand(0, 1)) { unset($one, $two); continue; }
        if (is_array($last)) { if (!is_object($two) || ($two instanceof Row && !is_array($one))) { unset($one, $two); continue; } $two->{$last[0]} = &$one; }
        else { if (!is_array($two)) { unset($one, $two); continue; } $two[$last] = &$one; }
        unset($one, $two);
    }
}
function &place(array &$table, array $path) {
    $at = &$table;
    foreach ($path as $key) {
        if (is_array($key)) { if (!is_object($at)) { $none = null; return $none; } $at = &$at->{$key[0]}; }
        else { if (!is_array($at) || !array_key_exists($key, $at)) { $none = null; return $none; } $at = &$at[$key]; }
    }
    return $at;
}
function &parent_of(array &$table, array $path) { array_pop($path); return place($table, $path); }
/** Whether an array is inside itself: PHP writes it once more there, and with it the same objects as others. */
function holds_itself($name): bool {
    $id = ReflectionReference::fromArrayElement($_SESSION, $name)?->getId();
    $look = function ($value, int $depth) use (&$look, $id): bool {
        if ($depth > 12) return false;
        if (!is_array($value)) {
            if (!is_object($value) || $value instanceof Note) return false;
            $value = (array) $value;
        }
        foreach ($value as $key => $inner) {
            if (ReflectionReference::fromArrayElement($value, $key)?->getId() === $id) return true;
            if ($look($inner, $depth + 1)) return true;
        }
        return false;
    };
    return $id !== null && is_array($_SESSION[$name]) && $look($_SESSION[$name], 0);
}
function open($handler) {
    if (session_status() === PHP_SESSION_ACTIVE) session_abort();
    ini_set('session.serialize_handler', $handler);
    ini_set('session.use_cookies', '0');
    ini_set('session.cache_limiter', '');
    session_set_save_handler(new class implements SessionHandlerInterface {
        function open($path, $name): bool { return true; }
        function close(): bool { return true; }
        function read($id): string|false { return ''; }
        function write($id, $data): bool { return true; }
        function destroy($id): bool { return true; }
        function gc($lifetime): int|false { return 0; }
    }, false);
    session_id('graphs');
    session_start();
}
function decode($bytes) { $_SESSION = []; return session_decode($bytes); }
function step($key) { return is_int($key) ? "i$key" : 's' . base64_encode($key); }
$handler = '';
if ($argv[1] === 'judge') {
    $count = 0;
    while (($line = fgets(STDIN)) !== false) {
        [$format, $ours, $expected] = array_map('trim', explode("\t", $line));
        $count++;
        if ($format === 'value') {
            $graph = serialize(unserialize(base64_decode($ours)));
            if ($graph !== base64_decode($expected)) fwrite(STDOUT, "$count\t" . base64_encode($graph) . "\n");
            continue;
        }
        if ($format !== $handler) open($handler = $format);
        $ok = decode(base64_decode($ours));
        $encoded = $ok ? serialize($_SESSION) : 'PHP refuses it';
        if ($encoded !== base64_decode($expected)) fwrite(STDOUT, "$count\t" . base64_encode($encoded) . "\n");
    }
    session_abort();
    fwrite(STDOUT, "done $count\n");
    exit;
}
mt_srand((int) $argv[2]);
if ($argv[1] === 'long') {
    for ($made = 0; $made < (int) $argv[3];) {
        open('php_serialize');
        $maker = new Maker;
        $maker->customs = mt_rand(0, 3) == 0;
        $table = [];
        foreach (['a', str_repeat('b', 128), 'c', str_repeat('d', 127), str_repeat('e', 300), 'f'] as $name) {
            if (mt_rand(0, 3)) $table[$name] = $maker->value(3);
        }
        bind_some($table);
        bind_some($table);
        $_SESSION = $table;
        unset($table, $maker);
        $payload = (string) session_encode();
        if (!decode($payload) || session_encode() !== $payload) continue;
        $table = $_SESSION;
        open('php_binary');
        $_SESSION = $table;
        unset($table);
        $binary = session_encode();
        decode((string) $binary);
        $read = serialize($_SESSION);
        fwrite(STDOUT, implode("\t", array_map('base64_encode', [$payload, (string) $binary, $read])) . "\n");
        $made++;
    }
    session_abort();
    exit;
}
$formats = ['php', 'php_binary', 'php_serialize'];
for ($made = 0; $made < (int) $argv[3];) {
    $format = $formats[mt_rand(0, 2)];
    if ($format !== $handler) open($handler = $format);
    $maker = new Maker;
    $maker->customs = mt_rand(0, 2) > 0;
    $table = [];
    foreach (array_slice(['alpha', 'b', 'cart', 'd', 'eve', 'f'], 0, mt_rand(1, 6)) as $name) {
        $long = $format === 'php_binary' && mt_rand(0, 9) == 0;
        $table[$long ? str_repeat($name[0], 127) : $name] = $maker->value(4);
    }
    bind_some($table);
    $_SESSION = $table;
    $payload = (string) session_encode();
    unset($table, $maker);
    if (strlen($payload) > 4000 || !decode($payload) || session_encode() !== $payload) continue;
    // Values by themselves, before the edit.
    $alone = [];
    foreach ($_SESSION as $name => $value) if (!holds_itself($name)) $alone[] = base64_encode($name) . ':' . base64_encode(serialize($value));
    unset($value);
    // Where: through arrays only.
    $paths = [['new']];
    $walk = function ($value, array $path) use (&$walk, &$paths) {
        if (!is_array($value) || count($path) > 3) return;
        foreach ($value as $key => $inner) { $paths[] = [...$path, $key]; $walk($inner, [...$path, $key]); }
    };
    $walk($_SESSION, []);
    $path = $paths[array_rand($paths)];
    $op = ['set', 'set', 'set', 'unset', 'unset', 'append', 'clear', 'edit', 'long'][mt_rand(0, 8)];
    $value = '';
    if ($op === 'long') {
        // What php_binary cannot hold, and PHP leaves out.
        if ($format !== 'php_binary') continue;
        $op = 'set';
        $path = [str_repeat('L', 130)];
    }
    if ($op === 'set' || $op === 'append') {
        $maker = new Maker;
        $maker->customs = mt_rand(0, 2) == 0;
        $new = ['v' => $maker->value(mt_rand(0, 3))];
        bind_some($new);
        $value = serialize($new['v']);
        unset($new, $maker);
        if (serialize(unserialize($value)) !== $value) continue;
    }
    $keys = $path;
    $last = array_pop($keys);
    $at = &$_SESSION;
    foreach ($keys as $key) $at = &$at[$key];
    if ($op === 'unset' && !array_key_exists($last, $at)) { unset($at); continue; }
    if (in_array($op, ['append', 'clear', 'edit'])) {
        if (!is_array($at[$last] ?? 0)) { unset($at); continue; }
    }
    if ($op === 'unset') unset($at[$last]);
    elseif ($op === 'append') { try { $at[$last][] = unserialize($value); } catch (Error $e) { unset($at); continue; } }
    elseif ($op === 'clear') $at[$last] = [];
    elseif ($op === 'edit') $at[$last]['added'] = 5;
    else $at[$last] = unserialize($value);
    unset($at);
    // What only holds itself still counts as a holder.
    gc_collect_cycles();
    $after = (string) session_encode();
    $graph = serialize($_SESSION);
    fwrite(STDOUT, implode("\t", [$format, base64_encode($payload), $op, implode(',', array_map('step', $path)),
        base64_encode($value), base64_encode($after), base64_encode($graph), implode(',', $alone)]) . "\n");
    $made++;
}
session_abort();
