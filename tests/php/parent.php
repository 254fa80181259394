<?php
/* A handler that builds upon PHP's own (parent::), the same as php_parent.c: what is called, warned of and returned.
   usage: php -n parent.php DIRECTORY STRICT */
require __DIR__ . '/../oracle/kit/lib/diag.php';
$log = [];
set_error_handler(function (int $level, string $text): bool {
    $GLOBALS['log'][] = '!' . Diag::classify($text);
    return true;
});

class Upon extends SessionHandler
{
    public array $ids = [];
    public bool $early = false;
    private function does(string $name, callable $parent)
    {
        global $log;
        $log[] = $name . '{';
        $answer = $parent();
        $log[] = '}' . ($answer === false ? 'fails' : '');
        return $answer;
    }
    public function open($path, $name): bool
    {
        return $this->does('open', function () use ($path, $name) {
            if ($this->early) $GLOBALS['log'][] = 'made ' . strlen(parent::create_sid());
            return parent::open($path, $name);
        });
    }
    public function close(): bool { return $this->does('close', fn() => parent::close()); }
    public function read($id): string|false { return $this->does("read $id", fn() => parent::read($id)); }
    public function write($id, $data): bool { return $this->does("write $id $data", fn() => parent::write($id, $data)); }
    public function destroy($id): bool { return $this->does("destroy $id", fn() => parent::destroy($id)); }
    public function create_sid(): string { return $this->does('create_sid', fn() => array_shift($this->ids) ?? parent::create_sid()); }
}

function say(string $what, $result): void
{
    global $log;
    $n = $_SESSION['n'] ?? 0;
    echo $what, ': ', implode(' ', [...$log, '=', $result === false ? 'false' : 'true', 'n', $n]), "\n";
    $log = [];
}

[, $directory, $strict] = $argv;
foreach (['use_cookies' => 0, 'cache_limiter' => '', 'save_path' => $directory, 'gc_probability' => 0, 'use_strict_mode' => $strict] as $key => $value) ini_set("session.$key", $value);
ob_start();
$upon = new Upon;
session_set_save_handler($upon, true);

/* create_sid names a session that exists, again and again. */
for ($i = 0; $i < 3; $i++) {
    $upon->ids = ['sameid'];
    session_id('');
    say('start', session_start());
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    say('close', session_write_close());
}
/* And while another one is open. */
foreach ([false, true] as $delete) {
    $upon->ids = ['another'];
    session_id('');
    say('start', session_start());
    $_SESSION['n'] = 70;
    $upon->ids = ['sameid', 'sameid', 'sameid', 'sameid'];
    say('create_id', session_create_id());
    say('regenerate', session_regenerate_id($delete));
    say('close', session_write_close());
    foreach (['another', 'sameid'] as $id) echo $id, ' ', is_file("$directory/sess_$id") ? file_get_contents("$directory/sess_$id") : '-', "\n";
}
/* The parent makes ids before it is open. */
$upon->ids = ['third'];
$upon->early = true;
session_id('');
say('start', session_start());
say('close', session_write_close());
$upon->early = false;
/* What the parent warns of comes inside. */
session_id('odd.id');
say('start', session_start());
ini_set('session.save_path', "$directory/none");
session_id('plain');
say('start', session_start());
ob_end_flush();
