;; `wasi_snapshot_preview1` without WASI: what Go's runtime and wasi-libc ask of a system, answered inside the component.
;; It has nothing to answer with but the contract's `logging`: what is printed becomes lines of the plugin's log, the clock is a counter,
;; random numbers repeat, there are no files.
;;
;; wit-component leaves out what a plugin does not use. It allows an adapter neither a memory of its own nor data nor tables, and none of the
;; guest's memory is the adapter's: Go and old wasi-libcs take every page that is there at their start for their own. So the beginning of a
;; line waits in globals; build.rs puts them in at GLOBALS, and the jumps to them at JUMPS.
(module
  (import "env" "memory" (memory 0))
  (import "weir:interceptor/logging@0.1.0" "write" (func $write (param $level i32) (param $text i32) (param $len i32)))

  ;; Replaced by a number of the plugin's own, see adapter/mod.rs.
  (global $random (mut i64) (i64.const 0x9E3779B97F4A7C15))
  (global $now (mut i64) (i64.const 1))

  ;; The line so far: its whole words in slots, the rest in `word`; where it was printed to.
  (global $len (mut i32) (i32.const 0))
  (global $word (mut i64) (i64.const 0))
  (global $fd (mut i32) (i32.const 1))
  ;; A character of which not all bytes have come: those that have, how many, how many are missing, what the next may be.
  (global $char (mut i32) (i32.const 0))
  (global $held (mut i32) (i32.const 0))
  (global $missing (mut i32) (i32.const 0))
  (global $least (mut i32) (i32.const 0x80))
  (global $most (mut i32) (i32.const 0xBF))
  ;; GLOBALS

  ;; Exchanges a slot and eight bytes of the guest's memory.
  (func $swap (param $slot i32) (param $at i32)
    (local $there i64)
    (local.set $there (i64.load (local.get $at)))
    (block $done
      ;; JUMPS
    ))

  ;; Puts `word` into its slot, by way of the guest's first eight bytes, which are as before afterwards.
  (func $keep-word (param $slot i32)
    (local $there i64)
    (local.set $there (i64.load (i32.const 0)))
    (i64.store (i32.const 0) (global.get $word))
    (call $swap (local.get $slot) (i32.const 0))
    (i64.store (i32.const 0) (local.get $there))
    (global.set $word (i64.const 0)))

  (func $swap-line
    (local $at i32)
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $at) (global.get $len)))
        (call $swap (i32.shr_u (local.get $at) (i32.const 3)) (local.get $at))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next))))

  ;; Logs the line: it changes places with the beginning of the guest's memory for as long as the host reads it.
  (func $flush
    (call $give-up)
    (if (i32.eqz (global.get $len)) (then (return)))
    (if (i32.and (global.get $len) (i32.const 7))
      (then (call $keep-word (i32.shr_u (global.get $len) (i32.const 3)))))
    (call $swap-line)
    ;; What goes to standard output is news, to standard error a warning.
    (call $write (global.get $fd) (i32.const 0) (global.get $len))
    (call $swap-line)
    (global.set $len (i32.const 0)))

  (func $put-byte (param $byte i32)
    (global.set $word
      (i64.or (global.get $word)
        (i64.shl (i64.extend_i32_u (local.get $byte))
          (i64.extend_i32_u (i32.shl (i32.and (global.get $len) (i32.const 7)) (i32.const 3))))))
    (global.set $len (i32.add (global.get $len) (i32.const 1)))
    (if (i32.eqz (i32.and (global.get $len) (i32.const 7)))
      (then (call $keep-word (i32.sub (i32.shr_u (global.get $len) (i32.const 3)) (i32.const 1))))))

  ;; The whole character that is held. A line that fills the slots is logged as it is.
  (func $put-char
    (global.set $missing (i32.const 0))
    (if (i32.gt_u (global.get $len) (i32.const 508)) (then (call $flush)))
    (loop $next
      (if (global.get $held)
        (then
          (call $put-byte (i32.and (global.get $char) (i32.const 0xFF)))
          (global.set $char (i32.shr_u (global.get $char) (i32.const 8)))
          (global.set $held (i32.sub (global.get $held) (i32.const 1)))
          (br $next)))))

  (func $hold (param $byte i32)
    (global.set $char
      (i32.or (global.get $char) (i32.shl (local.get $byte) (i32.shl (global.get $held) (i32.const 3)))))
    (global.set $held (i32.add (global.get $held) (i32.const 1))))

  ;; What has come of a character that is none: a question mark. The host would trap on text that is no UTF-8.
  (func $give-up
    (if (global.get $missing)
      (then
        (global.set $char (i32.const 0x3F))
        (global.set $held (i32.const 1))
        (call $put-char))))

  (func $expect (param $missing i32) (param $least i32) (param $most i32)
    (global.set $missing (local.get $missing))
    (global.set $least (local.get $least))
    (global.set $most (local.get $most)))

  ;; One byte of what is printed.
  (func $print (param $byte i32)
    (if (global.get $missing)
      (then
        (if (i32.and (i32.ge_u (local.get $byte) (global.get $least)) (i32.le_u (local.get $byte) (global.get $most)))
          (then
            (call $hold (local.get $byte))
            (call $expect (i32.sub (global.get $missing) (i32.const 1)) (i32.const 0x80) (i32.const 0xBF))
            (if (i32.eqz (global.get $missing)) (then (call $put-char)))
            (return)))
        (call $give-up)))
    (if (i32.eq (local.get $byte) (i32.const 10)) (then (call $flush) (return)))
    (call $hold (local.get $byte))
    (if (i32.lt_u (local.get $byte) (i32.const 0x80)) (then (call $put-char) (return)))
    ;; How a character of more bytes goes on, by its first (Unicode, table 3-7).
    (call $expect (i32.const 1) (i32.const 0x80) (i32.const 0xBF))
    (if (i32.and (i32.ge_u (local.get $byte) (i32.const 0xC2)) (i32.le_u (local.get $byte) (i32.const 0xDF))) (then (return)))
    (global.set $missing (i32.const 2))
    (if (i32.eq (local.get $byte) (i32.const 0xE0)) (then (global.set $least (i32.const 0xA0)) (return)))
    (if (i32.eq (local.get $byte) (i32.const 0xED)) (then (global.set $most (i32.const 0x9F)) (return)))
    (if (i32.and (i32.ge_u (local.get $byte) (i32.const 0xE1)) (i32.le_u (local.get $byte) (i32.const 0xEF))) (then (return)))
    (global.set $missing (i32.const 3))
    (if (i32.eq (local.get $byte) (i32.const 0xF0)) (then (global.set $least (i32.const 0x90)) (return)))
    (if (i32.eq (local.get $byte) (i32.const 0xF4)) (then (global.set $most (i32.const 0x8F)) (return)))
    (if (i32.and (i32.ge_u (local.get $byte) (i32.const 0xF1)) (i32.le_u (local.get $byte) (i32.const 0xF3))) (then (return)))
    ;; No character begins so.
    (call $give-up))

  (func $is-output (param $fd i32) (result i32)
    (i32.or (i32.eq (local.get $fd) (i32.const 1)) (i32.eq (local.get $fd) (i32.const 2))))

  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $at i32) (local $end i32) (local $sum i32)
    (if (i32.eqz (call $is-output (local.get $fd))) (then (return (i32.const 8))))
    (if (i32.ne (local.get $fd) (global.get $fd)) (then (call $flush) (global.set $fd (local.get $fd))))
    (block $done
      (loop $piece
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $pieces)))
        (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $pieces))))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
        (block $over
          (loop $byte
            (br_if $over (i32.ge_u (local.get $at) (local.get $end)))
            (call $print (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $byte)))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $piece)))
    (i32.store (local.get $written) (local.get $sum))
    i32.const 0)

  ;; The outputs are terminals, on which C flushes at each end of a line.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.eqz (call $is-output (local.get $fd))) (then (return (i32.const 8))))
    (i64.store (local.get $stat) (i64.const 2))
    (i64.store offset=8 (local.get $stat) (i64.const 64))
    (i64.store offset=16 (local.get $stat) (i64.const 0))
    i32.const 0)

  ;; What was begun is said before the end.
  (func (export "proc_exit") (param i32) (call $flush) unreachable)
  (func (export "proc_raise") (param i32) (result i32) (call $flush) unreachable)
  (func (export "sched_yield") (result i32) i32.const 0)

  (func (export "clock_time_get") (param i32 i64 i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get 2) (global.get $now))
    i32.const 0)
  (func (export "clock_res_get") (param i32 i32) (result i32)
    (i64.store (local.get 1) (i64.const 1000))
    i32.const 0)
  ;; Go's bindings of wit-bindgen stop the clock while memory is handed over; this one needs no stopping.
  (func (export "adapter_monotonic_clock_set_paused") (param i32))

  ;; xorshift
  (func (export "random_get") (param $at i32) (param $count i32) (result i32)
    (local $number i64)
    (local.set $number (global.get $random))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $number (i64.xor (local.get $number) (i64.shl (local.get $number) (i64.const 13))))
        (local.set $number (i64.xor (local.get $number) (i64.shr_u (local.get $number) (i64.const 7))))
        (local.set $number (i64.xor (local.get $number) (i64.shl (local.get $number) (i64.const 17))))
        (i64.store8 (local.get $at) (local.get $number))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (global.set $random (local.get $number))
    i32.const 0)

  ;; Nothing is waited for: a sleep moves the clock on and is over.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $ready i32) (result i32)
    (i32.store (local.get $ready) (local.get $count))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.get $count)))
        (i64.store (local.get $out) (i64.load (local.get $in)))
        (i64.store offset=8 (local.get $out) (i64.shl (i64.load8_u offset=8 (local.get $in)) (i64.const 16)))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
          (then (global.set $now (i64.add (global.get $now) (i64.load offset=24 (local.get $in))))))
        (local.set $in (i32.add (local.get $in) (i32.const 48)))
        (local.set $out (i32.add (local.get $out) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    i32.const 0)

  ;; No arguments, no environment.
  (func $none (param i32 i32) (result i32)
    (i32.store (local.get 0) (i32.const 0))
    (i32.store (local.get 1) (i32.const 0))
    i32.const 0)
  (func $nothing (param i32 i32) (result i32) i32.const 0)
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  ;; No file: EBADF, whatever is asked of one.
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) i32.const 8)
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) i32.const 8)
  (func (export "fd_close") (param i32) (result i32) i32.const 8)
  (func (export "fd_datasync") (param i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) i32.const 8)
  (func (export "fd_filestat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) i32.const 8)
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) i32.const 8)
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_renumber") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) i32.const 8)
  (func (export "fd_sync") (param i32) (result i32) i32.const 8)
  (func (export "fd_tell") (param i32 i32) (result i32) i32.const 8)
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) i32.const 8)
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) i32.const 8)
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_accept") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_shutdown") (param i32 i32) (result i32) i32.const 8)
)
