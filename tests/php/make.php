<?php
// make.php ID: a session with something of everything.
class User
{
    public $name = "\u{e4}\0\"";
    protected $tags = ['a', 'b' => [1.5, null]];
    private $id = 42;
    public ?User $friend = null;
}
session_id($argv[1]);
session_start() || exit(1);
$user = new User();
$user->friend = $user;
$_SESSION['n'] = 5;
$_SESSION['nested'] = ['x' => ['y' => ['z' => [true, false, null, -7]]], 3 => 'three', '03' => 1];
$_SESSION['floats'] = [0.1, -0.0, 1e100, INF, 1 / 3, 5e-324, 1e17, 123456789.0];
$_SESSION['user'] = $user;
$_SESSION['same'] = $user;
$_SESSION['one'] = 1;
$_SESSION['two'] = &$_SESSION['one'];
$_SESSION['last'] = str_repeat("bytes \0 | ; } \n", 50);
session_write_close() || exit(1);
