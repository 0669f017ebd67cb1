/*
 * Computes one inference with a named graph: the guest of the example service.
 *
 *     infer GRAPH TYPE DIMENSION... < tensor > output
 *
 * TYPE is u8 or f32. The tensor is read from standard input, row-major and little-endian; the bytes of output 0 go to
 * standard output.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WASI_NN_IMPORT(name) __attribute__((import_module("wasi_ephemeral_nn"), import_name(name)))

typedef struct {
  const uint32_t *dimensions;
  uint32_t dimension_count;
  uint8_t type;
  const uint8_t *data;
  uint32_t data_length;
} wasi_nn_tensor;

WASI_NN_IMPORT("load_by_name")
uint32_t wasi_nn_load_by_name(const char *name, uint32_t length, uint32_t *graph);
WASI_NN_IMPORT("init_execution_context")
uint32_t wasi_nn_init_execution_context(uint32_t graph, uint32_t *context);
WASI_NN_IMPORT("set_input")
uint32_t wasi_nn_set_input(uint32_t context, uint32_t index, const wasi_nn_tensor *tensor);
WASI_NN_IMPORT("compute")
uint32_t wasi_nn_compute(uint32_t context);
WASI_NN_IMPORT("get_output")
uint32_t wasi_nn_get_output(uint32_t context, uint32_t index, uint8_t *buffer, uint32_t length, uint32_t *written);

enum { TYPE_F32 = 1, TYPE_U8 = 3, MAX_RANK = 8, TOO_LARGE = 7, MAX_OUTPUT_BYTES = 16 << 20 };

static void fail(const char *what) {
  write(STDERR_FILENO, what, strlen(what));
  write(STDERR_FILENO, "\n", 1);
  _Exit(1);
}

static void check(uint32_t nn_errno, const char *call) {
  if (nn_errno != 0) fail(call);
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 3 + MAX_RANK) fail("usage: infer GRAPH TYPE DIMENSION...");
  uint32_t dimensions[MAX_RANK];
  const uint8_t type = strcmp(argv[2], "u8") == 0 ? TYPE_U8 : TYPE_F32;
  size_t length = type == TYPE_U8 ? 1 : 4;
  for (int at = 3; at < argc; at++) {
    dimensions[at - 3] = (uint32_t)atoi(argv[at]);
    if (__builtin_mul_overflow(length, (size_t)dimensions[at - 3], &length)) fail("the dimensions are too large");
  }

  uint8_t *tensor = malloc(length + 1);
  if (tensor == NULL) fail("the tensor is too large for the memory");
  size_t got = 0;
  for (ssize_t part = 1; part > 0 && got <= length; got += part) {
    part = read(STDIN_FILENO, tensor + got, length + 1 - got);
    if (part < 0) fail("the input cannot be read");
  }
  if (got != length) fail("the input does not have as many bytes as its dimensions say");

  uint32_t graph, context, written = 0;
  check(wasi_nn_load_by_name(argv[1], strlen(argv[1]), &graph), "there is no such graph");
  check(wasi_nn_init_execution_context(graph, &context), "the graph gives no execution context");
  const wasi_nn_tensor input = {dimensions, argc - 3, type, tensor, (uint32_t)length};
  check(wasi_nn_set_input(context, 0, &input), "the graph does not take such a tensor");
  check(wasi_nn_compute(context), "the inference failed");

  uint32_t room = 1 << 16;
  uint8_t *output = malloc(room);
  uint32_t nn_errno = TOO_LARGE;
  while (output != NULL && (nn_errno = wasi_nn_get_output(context, 0, output, room, &written)) == TOO_LARGE) {
    if (room >= MAX_OUTPUT_BYTES) break;
    output = realloc(output, room *= 2);
  }
  if (output == NULL || nn_errno != 0) fail("the output cannot be had");
  for (uint32_t sent = 0; sent < written;) {
    const ssize_t part = write(STDOUT_FILENO, output + sent, written - sent);
    if (part <= 0) fail("the output cannot be written");
    sent += part;
  }
  return 0;
}
