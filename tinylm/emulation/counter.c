/* A plugin of qemu's user emulation that counts the guest's instructions, and the guest's clock made of that count.

   The same file is loaded twice into one qemu process, as a plugin and with LD_PRELOAD: the plugin counts, and the
   clock_gettime that the emulator calls for its guest is the one below, in which an instruction takes a nanosecond. So a
   program that times itself gives instructions, the same ones in every run, as under `-icount shift=0` of a whole
   emulated machine. Dates and the time since boot stay true.

       LD_PRELOAD=counter.so qemu-aarch64 -U LD_PRELOAD -R SIZE -plugin counter.so,out=FILE,reserved=SIZE PROGRAM

   When the guest ends, FILE holds two numbers: its instructions, and the bytes of its memory that are resident, without
   the emulator's own; 0 where that is not known. One guest thread is counted exactly.

   qemu's header is not needed: what is used of its interface (version 1, qemu 4.2 to 8.2) is declared here. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb; /* a block of translated instructions */
struct qemu_plugin_insn;
enum { ADD_UINT64 = 0 };
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t place);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation, void *target, uint64_t value);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *data);

EXPORT int qemu_plugin_version = 1;

static uint64_t instructions;
static int counting;
static uintptr_t guest_base; /* where the guest's address 0 lies in this process */
static uint64_t reserved;    /* bytes from there on that are the guest's; 0: not known */
static const char *out;

EXPORT int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!counting || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_RAW && clock != CLOCK_PROCESS_CPUTIME_ID &&
                      clock != CLOCK_THREAD_CPUTIME_ID))
        return (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = (time_t)(instructions / 1000000000);
    now->tv_nsec = (long)(instructions % 1000000000);
    return 0;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
    (void)id;
    struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(block, 0);
    if (!guest_base && qemu_plugin_insn_haddr(first))
        guest_base = (uintptr_t)qemu_plugin_insn_haddr(first) - qemu_plugin_insn_vaddr(first);
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_UINT64, &instructions, qemu_plugin_tb_n_insns(block));
}

/* The sum of the Rss lines of what is mapped in the guest's part of this process. */
static uint64_t resident_bytes(void) {
    FILE *maps = reserved ? fopen("/proc/self/smaps", "r") : NULL;
    if (!maps) return 0;
    char line[4096];
    uint64_t sum = 0, from, to, kilobytes;
    int inside = 0;
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
            inside = from >= guest_base && to <= guest_base + reserved;
        else if (inside && sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1)
            sum += kilobytes * 1024;
    }
    fclose(maps);
    return sum;
}

static void ended(plugin_id id, void *data) {
    (void)id, (void)data;
    FILE *file = out ? fopen(out, "w") : NULL;
    if (!file) return;
    fprintf(file, "%" PRIu64 " %" PRIu64 "\n", instructions, resident_bytes());
    fclose(file);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int count, char **options) {
    (void)info;
    for (int i = 0; i < count; i++) {
        if (!strncmp(options[i], "out=", 4)) out = strdup(options[i] + 4);
        if (!strncmp(options[i], "reserved=", 9)) reserved = strtoull(options[i] + 9, NULL, 0);
    }
    counting = 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
