<?php
/* Typed JSON <-> PHP values. */

final class Typed
{
    /* ---- bytes ---------------------------------------------------- */
    /** Bytes := JSON string when valid UTF-8, else {"b64": "..."} */
    public static function bytes(string $s)
    {
        if ($s === '' || (preg_match('//u', $s) === 1 && !preg_match('/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/', $s))) {
            return $s;
        }
        return ['b64' => base64_encode($s)];
    }
    public static function unbytes($b): string
    {
        if (is_string($b)) return $b;
        if (is_array($b) && isset($b['b64'])) return base64_decode($b['b64'], true);
        if (is_array($b) && isset($b['repeat'])) return str_repeat(self::unbytes($b['repeat'][0]), $b['repeat'][1]);
        throw new RuntimeException('bad bytes: ' . json_encode($b));
    }

    /* ---- PHP value -> typed --------------------------------------- */
    private array $objCount = [];
    private array $refCount = [];
    private array $objLabel = [];
    private array $refLabel = [];
    private int $next = 1;
    private int $maxDepth;
    public bool $tooDeep = false;
    private array $keep = [];

    public static function enc($v, int $maxDepth = 1000)
    {
        $t = new self;
        $t->maxDepth = $maxDepth;
        $t->count($v, 0);
        return $t->conv($v, 0);
    }
    /** as enc() but null when the value nests deeper than $maxDepth */
    public static function encLimited($v, int $maxDepth)
    {
        $t = new self;
        $t->maxDepth = $maxDepth;
        $t->count($v, 0);
        if ($t->tooDeep) return null;
        return $t->conv($v, 0);
    }
    private function count($v, int $d): void
    {
        if ($d > $this->maxDepth) { $this->tooDeep = true; return; }
        if (is_object($v)) {
            $id = spl_object_id($v);
            $this->keep[] = $v;
            $this->objCount[$id] = ($this->objCount[$id] ?? 0) + 1;
            if ($this->objCount[$id] > 1 || $v instanceof UnitEnum) return;
            $this->countTable((array)$v, $d);
        } elseif (is_array($v)) {
            $this->countTable($v, $d);
        }
    }
    private function countTable(array $a, int $d): void
    {
        foreach ($a as $k => $val) {
            $r = self::refOf($a, $k);
            if ($r) {
                $id = $r->getId();
                $this->keep[] = $r;
                $this->refCount[$id] = ($this->refCount[$id] ?? 0) + 1;
                if ($this->refCount[$id] > 1) continue;
            }
            $this->count($val, $d + 1);
        }
    }
    /** session_decode() can leave string keys such as "7" in a table, which no look-up by key reaches */
    private static function refOf(array $a, $k): ?ReflectionReference
    {
        if (is_string($k) && is_int(array_key_first([$k => 1]))) return null;
        return ReflectionReference::fromArrayElement($a, $k);
    }
    private function conv($v, int $d)
    {
        if ($v === null) return ['t' => 'null'];
        if (is_bool($v)) return ['t' => 'bool', 'v' => $v];
        if (is_int($v)) return ['t' => 'int', 'v' => (string)$v];
        if (is_float($v)) return self::encFloat($v);
        if (is_string($v)) return ['t' => 'string', 'v' => self::bytes($v)];
        if (is_array($v)) return ['t' => 'array', 'v' => $this->pairs($v, $d, false)];
        if ($v instanceof UnitEnum) return ['t' => 'enum', 'class' => get_class($v), 'case' => $v->name];
        if (is_object($v)) {
            $id = spl_object_id($v);
            if (isset($this->objLabel[$id])) return ['t' => 'sameobject', 'n' => $this->objLabel[$id]];
            $o = ['t' => 'object'];
            if ($this->objCount[$id] > 1) { $o['n'] = $this->objLabel[$id] = $this->next++; }
            $cls = get_class($v);
            $props = (array)$v;
            if ($v instanceof __PHP_Incomplete_Class) {
                $cls = $props['__PHP_Incomplete_Class_Name'] ?? '__PHP_Incomplete_Class';
                unset($props['__PHP_Incomplete_Class_Name']);
            }
            $o['class'] = self::bytes($cls);
            $o['props'] = $this->pairs($props, $d, true);
            return $o;
        }
        throw new RuntimeException('cannot type ' . get_debug_type($v));
    }
    private function pairs(array $a, int $d, bool $props): array
    {
        $out = [];
        foreach ($a as $k => $val) {
            $key = (is_int($k) && !$props) ? ['t' => 'int', 'v' => (string)$k] : ['t' => 'string', 'v' => self::bytes((string)$k)];
            $r = self::refOf($a, $k);
            $rid = $r ? $r->getId() : null;
            if ($rid !== null && ($this->refCount[$rid] ?? 0) > 1) {
                if (isset($this->refLabel[$rid])) {
                    $out[] = [$key, ['t' => 'ref', 'n' => $this->refLabel[$rid]]];
                } else {
                    $n = $this->refLabel[$rid] = $this->next++;
                    $out[] = [$key, ['t' => 'ref', 'n' => $n, 'v' => $this->conv($val, $d + 1)]];
                }
            } else {
                $out[] = [$key, $this->conv($val, $d + 1)];
            }
        }
        return $out;
    }
    public static function encFloat(float $f): array
    {
        return ['t' => 'float', 'v' => substr(serialize($f), 2, -1), 'hex' => bin2hex(pack('E', $f))];
    }

    /* ---- typed -> serialize() bytes -> PHP value ------------------- */
    private int $slot = 0;
    private array $slotOf = [];

    public static function dec(array $t)
    {
        $s = self::wire($t);
        $v = unserialize($s);
        if ($v === false && $s !== 'b:0;') throw new RuntimeException('typed value does not unserialize: ' . $s);
        return $v;
    }
    public static function wire(array $t): string
    {
        $w = new self;
        return $w->w($t);
    }
    private static function str(string $s): string { return 's:' . strlen($s) . ':"' . $s . '";'; }
    private function w(array $t): string
    {
        if ($t['t'] === 'ref') {
            if (isset($this->slotOf[$t['n']]) && !array_key_exists('v', $t)) return 'R:' . $this->slotOf[$t['n']] . ';';
            $this->slotOf[$t['n']] = $this->slot + 1;
            return $this->w($t['v']);
        }
        $this->slot++;
        switch ($t['t']) {
            case 'null': return 'N;';
            case 'bool': return 'b:' . ($t['v'] ? 1 : 0) . ';';
            case 'int': return 'i:' . $t['v'] . ';';
            case 'float':
                if (isset($t['hex'])) { $f = unpack('E', hex2bin($t['hex']))[1]; return serialize($f); }
                return 'd:' . $t['v'] . ';';
            case 'string': return self::str(self::unbytes($t['v']));
            case 'array': return 'a:' . count($t['v']) . ':{' . $this->wp($t['v']) . '}';
            case 'object':
                if (isset($t['n'])) $this->slotOf[$t['n']] = $this->slot;
                $c = self::unbytes($t['class']);
                return 'O:' . strlen($c) . ':"' . $c . '":' . count($t['props']) . ':{' . $this->wp($t['props']) . '}';
            case 'sameobject': return 'r:' . $this->slotOf[$t['n']] . ';';
            case 'enum': $n = $t['class'] . ':' . $t['case']; return 'E:' . strlen($n) . ':"' . $n . '";';
        }
        throw new RuntimeException('bad typed value ' . json_encode($t));
    }
    private function wp(array $pairs): string
    {
        $o = '';
        foreach ($pairs as [$k, $v]) {
            $o .= $k['t'] === 'int' ? 'i:' . $k['v'] . ';' : self::str(self::unbytes($k['v']));
            $o .= $this->w($v);
        }
        return $o;
    }
}
