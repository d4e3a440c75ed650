// A libcublas whose device is this processor: products as the library's documentation defines them, in
// columns, on memory that the process can read. It wants the arguments that the library wants, and keeps a
// record of the calls. cc -O2 -shared -fPIC -o libcublas.so.12 fake_cublas.c -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { FP32 = 0, FP16 = 2, E4M3 = 28, COMPUTE_32F = 68 };

static char calls[1 << 16];

const char *fake_cublas_calls(void) { return calls; }
void fake_cublas_forget(void) { calls[0] = 0; }

static void note(const char *call, long long value) {
  size_t n = strlen(calls);
  snprintf(calls + n, sizeof calls - n, "%s %lld\n", call, value);
}

static float load(const void *at, int type, int64_t i) {
  if (type == FP16) {
    return (float)((const _Float16 *)at)[i];
  }
  uint8_t code = ((const uint8_t *)at)[i];
  int exponent = code >> 3 & 15, fraction = code & 7;
  float value = exponent == 0 ? ldexpf((float)fraction, -9) : ldexpf((float)(8 + fraction), exponent - 10);
  return code & 0x80 ? -value : value;
}

// What was put into the stream before is done first, as a device does: the driver's library has this name.
static void wait_for(int64_t stream) {
  void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (stream != 0 && driver != NULL) {
    int (*synchronize)(int64_t) = (int (*)(int64_t))dlsym(driver, "cuStreamSynchronize");
    synchronize(stream);
  }
}

// c = alpha op(a) op(b) + beta c, element (i, j) of a matrix at i + j ld.
static void multiply(int ta, int tb, int64_t m, int64_t n, int64_t k, float alpha, const void *a, int type_a, int64_t lda,
                     const void *b, int type_b, int64_t ldb, float beta, _Float16 *c, int64_t ldc) {
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i = 0; i < m; i++) {
      float sum = 0;
      for (int64_t l = 0; l < k; l++) {
        sum += load(a, type_a, ta ? l + i * lda : i + l * lda) * load(b, type_b, tb ? j + l * ldb : l + j * ldb);
      }
      c[i + j * ldc] = (_Float16)(alpha * sum + (beta == 0 ? 0 : beta * (float)c[i + j * ldc]));
    }
  }
}

static struct handle {
  int64_t stream;
} the_handle;

int cublasCreate_v2(void **handle) {
  if (getenv("FAKE_CUBLAS_REFUSES") != NULL) {
    return NOT_INITIALIZED;
  }
  note("create", 0);
  *handle = &the_handle;
  return OK;
}

int cublasDestroy_v2(void *handle) {
  note("destroy", 0);
  return handle == &the_handle ? OK : NOT_INITIALIZED;
}

int cublasGetVersion_v2(void *handle, int *version) {
  *version = 120805;
  return handle == &the_handle ? OK : NOT_INITIALIZED;
}

int cublasSetStream_v2(void *handle, int64_t stream) {
  note("stream", stream);
  the_handle.stream = stream;
  return handle == &the_handle ? OK : NOT_INITIALIZED;
}

int cublasGemmEx(void *handle, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int type_a,
                 int lda, const void *b, int type_b, int ldb, const void *beta, void *c, int type_c, int ldc,
                 int compute, int algorithm) {
  if (handle != &the_handle) {
    return NOT_INITIALIZED;
  }
  if (m < 0 || n < 0 || k < 0 || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || ta > 1 || tb > 1) {
    return INVALID_VALUE;
  }
  if (type_a != FP16 || type_b != FP16 || type_c != FP16 || compute != COMPUTE_32F || algorithm != -1) {
    return NOT_SUPPORTED;
  }
  note("gemm", m);
  wait_for(the_handle.stream);
  multiply(ta, tb, m, n, k, *(const float *)alpha, a, type_a, lda, b, type_b, ldb, *(const float *)beta, c, ldc);
  return OK;
}

struct layout {
  int type;
  int64_t rows, columns, ld;
};

struct operation {
  int ta, tb;
};

static int live;

static int make(void **out, size_t bytes) {
  live++;
  *out = calloc(1, bytes);
  return OK;
}

static int unmake(void *made) {
  live--;
  free(made);
  return OK;
}

int fake_cublas_live(void) { return live; }

int cublasLtCreate(void **handle) { return make(handle, 1); }
int cublasLtDestroy(void *handle) { return unmake(handle); }

int cublasLtMatmulDescCreate(void **out, int compute, int scale) {
  make(out, sizeof(struct operation));
  return compute == COMPUTE_32F && scale == FP32 ? OK : NOT_SUPPORTED;
}

int cublasLtMatmulDescDestroy(void *operation) { return unmake(operation); }

int cublasLtMatmulDescSetAttribute(struct operation *operation, int attribute, const int32_t *value, size_t bytes) {
  if (bytes != sizeof *value || (attribute != 3 && attribute != 4)) {
    return INVALID_VALUE;
  }
  *(attribute == 3 ? &operation->ta : &operation->tb) = *value;
  return OK;
}

int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  make(out, sizeof(struct layout));
  *(struct layout *)*out = (struct layout){type, (int64_t)rows, (int64_t)columns, ld};
  return ld >= (int64_t)rows ? OK : INVALID_VALUE;
}

int cublasLtMatrixLayoutDestroy(void *layout) { return unmake(layout); }
int cublasLtMatmulPreferenceCreate(void **out) { return make(out, 1); }
int cublasLtMatmulPreferenceDestroy(void *preference) { return unmake(preference); }

int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const uint64_t *value, size_t bytes) {
  return preference != NULL && attribute == 1 && bytes == sizeof *value ? OK : INVALID_VALUE;
}

static int takes(const struct operation *operation, const struct layout *a, const struct layout *b,
                 const struct layout *c, const struct layout *d) {
  return operation->ta == 1 && operation->tb == 0 && a->type == E4M3 && b->type == E4M3 && c->type == FP16 &&
         d->type == FP16 && a->rows == b->rows && a->columns == d->rows && b->columns == d->columns &&
         c->rows == d->rows && c->columns == d->columns && a->ld % 16 == 0 && b->ld % 16 == 0;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, const struct operation *operation, const struct layout *a,
                                   const struct layout *b, const struct layout *c, const struct layout *d,
                                   void *preference, int wanted, uint64_t *results, int *found) {
  if (handle == NULL || preference == NULL || wanted != 1) {
    return INVALID_VALUE;
  }
  *found = takes(operation, a, b, c, d);
  memset(results, 0, 96);
  results[0] = 0xa190; // what the product is to come back with
  return *found ? OK : NOT_SUPPORTED;
}

int cublasLtMatmul(void *handle, const struct operation *operation, const float *alpha, const void *a,
                   const struct layout *layout_a, const void *b, const struct layout *layout_b, const float *beta,
                   const void *c, const struct layout *layout_c, void *d, const struct layout *layout_d,
                   const uint64_t *algorithm, void *workspace, size_t bytes, int64_t stream) {
  if (handle == NULL || algorithm[0] != 0xa190 || c != d || (workspace == NULL) != (bytes == 0) ||
      !takes(operation, layout_a, layout_b, layout_c, layout_d)) {
    return INVALID_VALUE;
  }
  note("matmul", stream);
  wait_for(stream);
  multiply(1, 0, layout_d->rows, layout_d->columns, layout_a->rows, *alpha, a, E4M3, layout_a->ld, b, E4M3,
           layout_b->ld, *beta, d, layout_d->ld);
  return OK;
}
