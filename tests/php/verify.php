<?php
// verify.php ID N: what make.php stored is still there, but for n.
class User
{
    public $name;
    protected $tags;
    private $id;
    public ?User $friend = null;

    public function whole(): bool
    {
        return $this->name === "\u{e4}\0\"" && $this->tags === ['a', 'b' => [1.5, null]]
            && $this->id === 42 && $this->friend === $this;
    }
}
session_id($argv[1]);
session_start() || exit(1);
$s = &$_SESSION;
$floats = [0.1, -0.0, 1e100, INF, 1 / 3, 5e-324, 1e17, 123456789.0];
$checks = [
    'keys' => array_keys($s) === ['n', 'nested', 'floats', 'user', 'same', 'one', 'two', 'last', 'new'],
    'n' => $s['n'] === (int) $argv[2] && $s['new'] === 1,
    'nested' => $s['nested']
        === ['x' => ['y' => ['z' => [true, false, null, -7]]], 3 => 'three', '03' => 1],
    'floats' => array_map('bin2hex', array_map(fn($f) => pack('E', $f), $s['floats']))
        === array_map('bin2hex', array_map(fn($f) => pack('E', $f), $floats)),
    'object' => $s['user'] instanceof User && $s['user']->whole() && $s['same'] === $s['user'],
    'last' => $s['last'] === str_repeat("bytes \0 | ; } \n", 50),
];
$s['one'] = 'changed';
$checks['reference'] = $s['two'] === 'changed';
session_abort();
foreach ($checks as $what => $good) {
    echo $good ? '' : "$what is not as it was\n";
}
echo "verified\n";
