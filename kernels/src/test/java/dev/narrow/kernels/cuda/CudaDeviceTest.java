package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUgraph;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory, launches and their order, on the emulated device, which is strict about all of them. */
class CudaDeviceTest {
  private static final int OUT_OF_MEMORY = 2;
  private static final int LAUNCH_FAILED = 719;

  private static final List<String> KINDS =
      List.of("allocations", "streams", "events", "modules", "graphs", "host memory");

  private CudaDevice device;
  private long contexts;
  private long[] before;

  @BeforeAll
  static void install() {
    EmulatedDriver.install();
  }

  @BeforeEach
  void open() {
    EmulatedDriver.reset();
    before = count();
    device = CudaDevice.open();
    contexts = EmulatedDriver.live("contexts");
  }

  private static long[] count() {
    return KINDS.stream().mapToLong(EmulatedDriver::live).toArray();
  }

  /** Whatever a test did, nothing is left behind. */
  @AfterEach
  void close() {
    device.close();
    for (int i = 0; i < KINDS.size(); i++) {
      assertEquals(before[i], EmulatedDriver.live(KINDS.get(i)), KINDS.get(i));
    }
  }

  private static Tensor ramp(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i - n / 2;
    }
    return Tensor.of(values, n);
  }

  private Tensor fp32(int n) {
    return device.allocate(Formats.FP32, Shape.of(n), Scales.one());
  }

  @SuppressWarnings("NullAway") // what callers without its checks can pass
  private static Tensor nothing() {
    return null;
  }

  private static <T extends Throwable> void assertSays(
      Class<T> type, String words, Executable executable) {
    T thrown = assertThrows(type, executable);
    assertTrue(String.valueOf(thrown.getMessage()).contains(words), thrown.toString());
  }

  // Copies

  /** Around the two chunks of 4 MiB that a copy goes through. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 1 << 20, (1 << 20) + 1, 1 << 21, (1 << 21) + 5, 3 << 20})
  void whatIsUploadedIsDownloaded(int n) {
    Tensor host = ramp(n);
    Tensor onDevice = device.upload(host);
    assertEquals(host, device.download(onDevice));
    device.free(onDevice);
  }

  @Test
  void codesKeepTheirFormatScalesAndQuantizer() {
    for (Quantizer quantizer :
        List.of(
            Quantizer.of(Formats.E4M3FN), Quantizer.of(Formats.BF16), Quantizer.of(Formats.LNS8))) {
      Tensor host = quantizer.quantize(ramp(100));
      Tensor onDevice = device.upload(host);
      assertEquals(host.scales(), onDevice.scales());
      assertEquals(host.quantizer(), onDevice.quantizer());
      Tensor back = device.download(onDevice);
      assertEquals(host, back);
      assertEquals(host.quantizer(), back.quantizer());
      device.free(onDevice);
    }
  }

  @Test
  void anUploadHasTheBytesOfItsCall() {
    float[] values = {1, 2, 3};
    Tensor onDevice = device.upload(Tensor.of(values, 3));
    values[0] = 7;
    assertArrayEquals(new float[] {1, 2, 3}, device.download(onDevice).toFloats());
    device.free(onDevice);
  }

  @Test
  void copiesBetweenAnyTwoPlaces() {
    Tensor a = device.upload(ramp(10));
    Tensor b = fp32(10);
    device.copy(a, b);
    Tensor host = Tensor.zeros(10);
    device.copy(b, host);
    assertEquals(ramp(10), host);
    device.copy(Tensor.zeros(10), b);
    assertEquals(Tensor.zeros(10), device.download(b));
    assertSays(
        IllegalArgumentException.class,
        "source lies in host memory",
        () -> device.copy(host, Tensor.zeros(10)));
    assertSays(
        IllegalArgumentException.class,
        "target is fp32[9], expected fp32[10]",
        () -> device.copy(a, fp32(9)));
    assertSays(
        IllegalArgumentException.class,
        "target shares memory with source",
        () -> device.copy(a.slice(0, 5), a.slice(4, 9)));
    device.close();
  }

  @Test
  void slicesAreViews() {
    Tensor all = device.upload(ramp(100));
    try (CudaModule module = Samples.load(device)) {
      Tensor part = all.slice(10, 20);
      Samples.scale(device, module.kernel("sample_scale"), part, part, 2);
      float[] expected = ramp(100).toFloats();
      for (int i = 10; i < 20; i++) {
        expected[i] *= 2;
      }
      assertArrayEquals(expected, device.download(all).toFloats());
      device.free(part); // a view
      assertArrayEquals(expected, device.download(all).toFloats());
      device.free(all);
      assertSays(
          IllegalStateException.class,
          "part is memory that was freed",
          () -> device.pointer(part, "part"));
    }
  }

  // What is refused

  @Test
  void memoryThatCannotBeUsedIsNamed() {
    Tensor x = device.upload(ramp(10));
    assertSays(NullPointerException.class, "x", () -> device.pointer(nothing(), "x"));
    assertSays(
        IllegalArgumentException.class,
        "x lies in host memory, expected memory of CUDA device 0: upload it",
        () -> device.pointer(ramp(1), "x"));
    assertSays(
        IllegalArgumentException.class,
        "expected a multiple of the 4 bytes of a code",
        () ->
            device.pointer(
                Tensor.of(x.storage().slice(2, 8), Shape.of(2), Formats.FP32, Scales.one()), "x"));
    assertSays(
        IllegalArgumentException.class, "tensor lies on CUDA device 0", () -> device.upload(x));
    assertSays(UnsupportedOperationException.class, "download", () -> x.storage().segment());
    assertThrows(IndexOutOfBoundsException.class, () -> x.storage().slice(8, 40));
    assertSays(
        IllegalArgumentException.class, "tensor lies in host memory", () -> device.free(ramp(1)));
    device.free(x);
    device.free(x);
    assertSays(
        IllegalStateException.class, "x is memory that was freed", () -> device.pointer(x, "x"));
    assertSays(IllegalStateException.class, "freed", () -> device.download(x));
  }

  @Test
  void memoryOfAnotherContextIsNamed() {
    CUcontext context = new CUcontext();
    assertEquals(0, JCudaDriver.cuCtxCreate(context, 0, new CUdevice()));
    CUstream stream = new CUstream();
    assertEquals(0, JCudaDriver.cuStreamCreate(stream, 1));
    JCudaDriver.cuCtxPopCurrent(new CUcontext());
    Tensor ours = device.upload(ramp(10));
    try (CudaDevice other = CudaDevice.of(context, stream)) {
      assertSays(
          IllegalArgumentException.class, "x lies in memory of", () -> other.pointer(ours, "x"));
      assertSays(
          IllegalArgumentException.class,
          "is memory of another context",
          () -> other.wrap(device.pointer(ours, "x"), 40));
      assertFalse(ours.storage().overlaps(other.wrap(0, 0)));
      assertSays(
          IllegalArgumentException.class,
          "expected a stream of context",
          () -> CudaDevice.of(Handles.of(context), device.stream().handle()));
    }
    assertSays(IllegalArgumentException.class, "context = 0", () -> CudaDevice.of(0, 0));
    assertSays(
        IllegalArgumentException.class,
        "stream = 0x2, expected a stream of context",
        () -> CudaDevice.of(Handles.of(context), 2)); // CU_STREAM_PER_THREAD
    JCudaDriver.cuCtxPushCurrent(context);
    assertEquals(0, JCudaDriver.cuCtxDestroy(context));
    device.free(ours);
  }

  @Test
  void nothingWorksAfterClose() {
    Tensor x = device.upload(ramp(10));
    CudaEvent event = device.event();
    CudaModule module = Samples.load(device);
    Kernel kernel = module.kernel("sample_scale");
    PinnedMemory pinned = device.pinned(64);
    CudaGraph graph = device.capture(() -> device.clear(device.pointer(x, "x"), 40));
    device.close();
    device.close();
    for (Executable use :
        List.<Executable>of(
            () -> device.upload(ramp(1)),
            () -> device.download(x),
            () -> device.copy(x, x),
            () -> fp32(1),
            () -> device.wrap(0, 0),
            () -> device.pinned(1),
            device::event,
            device::synchronize,
            device::trim,
            () -> device.capture(() -> {}),
            () -> device.scratch(1),
            () -> device.kernel("casts", "encode"),
            () -> Samples.load(device),
            () -> device.stream().handle(),
            device::contextHandle,
            event::record,
            event::hasHappened,
            event::synchronize,
            () -> event.millisecondsSince(event),
            graph::launch,
            pinned::segment,
            () -> ((DeviceStorage) x.storage()).address(),
            () -> module.kernel("sample_scale"),
            () -> kernel.launch(1, 1, 0, kernel.arguments()))) {
      assertThrows(IllegalStateException.class, use);
    }
    event.close(); // what was closed with the device can be closed again
    graph.close();
    module.close();
    pinned.close();
    device.free(x);
  }

  @Test
  void devicesThatAreNotThere() {
    assertSays(
        IllegalArgumentException.class, "ordinal = 1, expected 0 to 0", () -> CudaDevice.open(1));
    assertSays(IllegalArgumentException.class, "ordinal = -1", () -> CudaDevice.open(-1));
  }

  @Test
  void modulesAndKernelsThatAreNotThere() {
    assertSays(
        IllegalArgumentException.class,
        "there is no module bakery",
        () -> device.kernel("bakery", "bread"));
    CudaException broken =
        assertThrows(
            CudaException.class,
            () -> device.load("no PTX".getBytes(StandardCharsets.US_ASCII), "mine.ptx"));
    assertTrue(broken.toString().contains("mine.ptx"), broken.toString());
    assertEquals("cuModuleLoadDataEx", broken.operation());
    CudaModule module = Samples.load(device);
    assertSays(
        IllegalArgumentException.class,
        "module samples has no kernel bread",
        () -> module.kernel("bread"));
    Kernel kernel = module.kernel("sample_scale");
    module.close();
    assertSays(
        IllegalStateException.class,
        "module samples is closed",
        () -> kernel.launch(1, 1, 0, kernel.arguments()));
  }

  @Test
  void argumentsThatAreTooMany() {
    KernelArguments arguments = new KernelArguments();
    for (int i = 0; i < KernelArguments.COUNT; i++) {
      arguments.add(i);
    }
    assertSays(IllegalArgumentException.class, "argument 128", () -> arguments.add(1));
    assertSays(
        IllegalArgumentException.class,
        "of 4097 bytes",
        () -> arguments.clear().add(MemorySegment.ofArray(new byte[4097])));
  }

  // Memory

  @Test
  void memoryIsUsedAgainInTheOrderOfWork() {
    Tensor first = device.upload(ramp(1000));
    long address = device.pointer(first, "first");
    long calls = EmulatedDriver.calls("cuMemAlloc");
    device.free(first);
    Tensor second = fp32(990);
    assertEquals(address, device.pointer(second, "second"));
    assertEquals(calls, EmulatedDriver.calls("cuMemAlloc"), "nobody asks the driver");
    assertEquals(0, EmulatedDriver.calls("cuMemFree"));
    device.free(second);
    assertTrue(device.usage().reserved() > 0);
    assertEquals(0, device.usage().inUse());
    device.trim();
    assertEquals(new CudaUsage(0, 0, List.of()), device.usage());
  }

  @Test
  void theLimitIsKept() {
    device.limitMemory(100_000);
    Tensor half = fp32(12_500);
    CudaOutOfMemoryException e = assertThrows(CudaOutOfMemoryException.class, () -> fp32(15_000));
    assertEquals(60_000, e.requested());
    assertEquals(100_000, e.limit());
    assertTrue(e.free() > 0);
    assertTrue(e.toString().contains("fp32[15000] takes 60000 bytes"), e.toString());
    device.free(half);
    device.free(fp32(15_000)); // what is unused makes room
    device.free(fp32(25_000)); // all of it, though sizes are rounded otherwise
    assertSays(IllegalArgumentException.class, "bytes = -1", () -> device.limitMemory(-1));
  }

  @Test
  void whatIsLargerThanTheDeviceIsRefusedWithoutAsking() {
    long calls = EmulatedDriver.calls("cuMemAlloc");
    assertSays(CudaOutOfMemoryException.class, "takes 8000000000 bytes", () -> fp32(2_000_000_000));
    assertEquals(calls, EmulatedDriver.calls("cuMemAlloc"));
  }

  @Test
  void whenTheDriverHasNoMemoryLeftUnusedMemoryIsFreedAndItIsAskedOnceMore() {
    device.free(fp32(1000));
    EmulatedDriver.fail("cuMemAlloc", OUT_OF_MEMORY, 0);
    Tensor large = fp32(100_000);
    assertEquals(1, EmulatedDriver.calls("cuMemFree"));
    EmulatedDriver.set("memory", 500_000);
    CudaOutOfMemoryException e = assertThrows(CudaOutOfMemoryException.class, () -> fp32(50_000));
    assertEquals(200_000, e.requested());
    device.free(large);
    device.free(fp32(110_000)); // there is not room for both
  }

  @Test
  void noElementsNeedNoMemory() {
    Tensor none = fp32(0);
    assertEquals(0, device.pointer(none, "none"));
    assertEquals(0, device.download(none).shape().size());
    assertFalse(none.storage().overlaps(none.storage()));
    assertEquals(0, EmulatedDriver.calls("cuMemAlloc"));
  }

  @Test
  void overlapIsThatOfAddresses() {
    Storage all = device.upload(ramp(10)).storage();
    assertTrue(all.overlaps(all.slice(36, 4)));
    assertTrue(all.slice(0, 8).overlaps(all.slice(4, 8)));
    assertFalse(all.slice(0, 8).overlaps(all.slice(8, 8)));
    assertTrue(all.sameAs(all.slice(0, 40)));
    assertFalse(all.sameAs(all.slice(0, 36)));
    assertFalse(all.overlaps(Storage.of(new float[10])));
    assertFalse(all.sameAs(Storage.of(new float[10])));
    ((DeviceStorage) all).close();
  }

  @Test
  void whatIsNotClosedIsNamed() {
    Tensor x = fp32(10);
    CudaEvent event = device.event();
    PinnedMemory pinned = device.pinned(100);
    DeviceScratch scratch = device.scratch(10);
    assertEquals(
        List.of(
            "100 bytes of pinned memory", "an event", "fp32[10]", "scratch memory of an operation"),
        device.usage().open());
    device.free(x);
    event.close();
    event.close();
    pinned.close();
    scratch.close();
    assertEquals(List.of(), device.usage().open());
    assertEquals(0, device.usage().inUse());
    fp32(10);
    device.close(); // and frees it: see close()
  }

  // Order and time

  @Test
  void eventsMarkWhereTheDeviceIs() {
    try (CudaEvent before = device.event();
        CudaEvent after = device.event();
        CudaModule module = Samples.load(device)) {
      Tensor x = device.upload(ramp(1000));
      before.record();
      Samples.scale(device, module.kernel("sample_scale"), x, x, 2);
      after.record();
      after.synchronize();
      assertTrue(after.hasHappened());
      assertTrue(after.millisecondsSince(before) >= 0);
      assertEquals(1, EmulatedDriver.launches());
      device.stream().await(after);
      device.free(x);
    }
  }

  @Test
  void launchesDoNotWait() {
    try (CudaModule module = Samples.load(device)) {
      Tensor x = device.upload(ramp(1000));
      long before = EmulatedDriver.synchronizations();
      for (int i = 0; i < 10; i++) {
        Samples.scale(device, module.kernel("sample_scale"), x, x, 2);
      }
      assertEquals(before, EmulatedDriver.synchronizations());
      assertEquals(0, EmulatedDriver.launches(), "nobody has waited");
      float[] expected = ramp(1000).toFloats();
      for (int i = 0; i < 1000; i++) {
        expected[i] *= 1024;
      }
      assertArrayEquals(expected, device.download(x).toFloats());
      device.free(x);
    }
  }

  @Test
  void threadsTakeTurns() throws Exception {
    try (CudaModule module = Samples.load(device);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Callable<Boolean>> tasks = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int n = 1000 + t;
        tasks.add(() -> {
          for (int i = 0; i < 20; i++) {
            Tensor x = device.upload(ramp(n));
            Samples.scale(device, module.kernel("sample_scale"), x, x, i);
            float[] result = device.download(x).toFloats();
            device.free(x);
            for (int k = 0; k < n; k++) {
              if (result[k] != (k - n / 2) * (float) i) {
                return false;
              }
            }
          }
          return true;
        });
      }
      for (Future<Boolean> result : threads.invokeAll(tasks)) {
        assertTrue(result.get());
      }
    }
    assertEquals(0, device.usage().inUse());
  }

  @Test
  void devicesOfOneGpuShareMemory() {
    try (CudaDevice second = CudaDevice.open();
        CudaEvent uploaded = device.event()) {
      Tensor x = device.upload(ramp(10));
      uploaded.record();
      second.stream().await(uploaded);
      assertEquals(ramp(10), second.download(x));
      device.free(x);
    }
  }

  // Pinned memory

  @Test
  void pinnedMemoryIsCopiedWithoutWaiting() {
    PinnedMemory pinned = device.pinned(4000);
    Tensor host = Tensor.of(pinned.segment(), 1000);
    MemorySegment.copy(ramp(1000).storage().segment(), 0, pinned.segment(), 0, 4000);
    long before = EmulatedDriver.synchronizations();
    Tensor x = device.upload(host);
    Tensor part = device.upload(host.slice(500, 1000));
    device.copy(part, host.slice(0, 500));
    assertEquals(before, EmulatedDriver.synchronizations());
    device.synchronize();
    assertEquals(ramp(1000), device.download(x));
    assertEquals(host.slice(500, 1000), host.slice(0, 500));
    device.free(x);
    device.free(part);
    MemorySegment segment = pinned.segment();
    pinned.close();
    assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, pinned::segment);
    assertThrows(IllegalArgumentException.class, () -> device.pinned(-1));
    device.pinned(0).close();
  }

  // Graphs

  @Test
  void aGraphDoesItsWorkAsOftenAsItIsLaunched() {
    try (CudaModule module = Samples.load(device)) {
      Kernel scale = module.kernel("sample_scale");
      Tensor x = device.upload(ramp(100));
      Tensor y = fp32(100);
      try (CudaGraph graph =
          device.capture(() -> {
            Samples.scale(device, scale, x, y, 3);
            Samples.scale(device, scale, y, x, 1);
          })) {
        assertEquals(ramp(100), device.download(x), "captured, not done");
        graph.launch();
        graph.launch();
        float[] expected = ramp(100).toFloats();
        for (int i = 0; i < 100; i++) {
          expected[i] *= 9;
        }
        assertArrayEquals(expected, device.download(x).toFloats());
      }
      device.free(x);
      device.free(y);
    }
  }

  @Test
  void memoryOfAGraphIsItsOwnUntilItIsClosed() {
    Tensor x = device.upload(ramp(100));
    long[] inside = new long[2];
    CudaGraph graph =
        device.capture(() -> {
          for (int i = 0; i < 2; i++) {
            try (DeviceScratch scratch = device.scratch(400)) {
              inside[i] = scratch.pointer();
              device.copy(device.pointer(x, "x"), scratch.pointer(), 400);
            }
          }
        });
    assertEquals(inside[0], inside[1], "within the capture it is used again");
    Tensor y = fp32(100);
    assertFalse(device.pointer(y, "y") == inside[0], "a later launch would write to it");
    graph.launch();
    graph.close();
    Tensor z = fp32(100);
    assertEquals(inside[0], device.pointer(z, "z"));
    for (Tensor tensor : List.of(x, y, z)) {
      device.free(tensor);
    }
    assertThrows(IllegalStateException.class, graph::launch);
  }

  @Test
  void whatWaitsCannotBeCaptured() {
    Tensor x = device.upload(ramp(100));
    for (Runnable work :
        List.<Runnable>of(
            () -> device.upload(ramp(1)),
            () -> device.download(x),
            device::synchronize,
            device::trim,
            device::close,
            () -> device.capture(() -> {}))) {
      assertSays(
          IllegalStateException.class,
          "while a graph is being captured",
          () -> device.capture(work));
      assertEquals(ramp(100), device.download(x), "the capture is over");
    }
    device.free(x);
  }

  @Test
  void aCaptureThatFailsIsOver() {
    EmulatedDriver.fail("cuGraphInstantiate", LAUNCH_FAILED, 0);
    Runnable work = () -> device.scratch(1000).close();
    assertThrows(CudaException.class, () -> device.capture(work));
    Runnable waits =
        () -> {
          JCudaDriver.cuCtxPushCurrent(Handles.context(device.contextHandle()));
          JCudaDriver.cuCtxSynchronize();
          JCudaDriver.cuCtxPopCurrent(new CUcontext());
        };
    CudaException e = assertThrows(CudaException.class, () -> device.capture(waits));
    assertEquals("cuStreamEndCapture", e.operation());
    EmulatedDriver.fail("cuStreamBeginCapture", LAUNCH_FAILED, 0);
    assertThrows(CudaException.class, () -> device.capture(work));
    assertEquals(0, device.usage().inUse());
  }

  // Failures

  @Test
  void aFailureHasTheDriversName() {
    try (CudaModule module = Samples.load(device)) {
      Tensor x = device.upload(ramp(10));
      EmulatedDriver.fail("cuLaunchKernel", LAUNCH_FAILED, 0);
      CudaException e =
          assertThrows(
              CudaException.class,
              () -> Samples.scale(device, module.kernel("sample_scale"), x, x, 1));
      assertEquals(LAUNCH_FAILED, e.error());
      assertEquals("cuLaunchKernel", e.operation());
      assertEquals(
          "cuLaunchKernel failed: 719 CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure), for"
              + " sample_scale in 1 blocks of 64 threads",
          e.getMessage());
      device.free(x);
    }
  }

  @Test
  void aKernelThatGoesAstrayEndsTheContextAndNotTheProcess() {
    CudaModule module = Samples.load(device);
    Kernel scale = module.kernel("sample_scale");
    Tensor x = device.upload(ramp(10));
    scale.launch(1, 64, 0, scale.arguments().add(device.pointer(x, "x")).add(8L).add(1f).add(10L));
    assertThrows(CudaException.class, device::synchronize);
    assertThrows(CudaException.class, () -> device.download(x));
    assertThrows(CudaException.class, device::close);
    device.close();
    before = count(); // pinned memory is lost with a context that has failed
  }

  // A user's own

  @Test
  void aUsersContextAndStreamAreNeitherWaitedForNorDestroyed() {
    CUcontext context = new CUcontext();
    JCudaDriver.cuCtxCreate(context, 0, new CUdevice());
    CUstream stream = new CUstream();
    JCudaDriver.cuStreamCreate(stream, 1);
    CUdeviceptr pointer = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(pointer, 400);
    long before = EmulatedDriver.synchronizations();
    try (CudaDevice mine = CudaDevice.of(context, stream);
        CudaModule module = Samples.load(mine)) {
      Tensor own = Tensor.of(mine.wrap(pointer, 400), Shape.of(100), Formats.FP32, Scales.one());
      Tensor x = mine.upload(ramp(100));
      Samples.scale(mine, module.kernel("sample_scale"), x, own, 5);
      mine.free(x);
      mine.free(own); // frees nothing
      assertEquals(before, EmulatedDriver.synchronizations(), "nothing waits");
      assertEquals(0, EmulatedDriver.launches());
      JCudaDriver.cuStreamSynchronize(stream);
      assertEquals(1, EmulatedDriver.launches());
      assertSays(
          IllegalArgumentException.class,
          "bytes = 404, expected at most 400",
          () -> mine.wrap(pointer, 404));
      assertSays(
          IllegalArgumentException.class,
          "expected an address of device memory",
          () -> mine.wrap(4096, 4));
      assertSays(IllegalArgumentException.class, "bytes = -1", () -> mine.wrap(pointer, -1));
    }
    CUcontext current = new CUcontext();
    JCudaDriver.cuCtxGetCurrent(current);
    assertEquals(context, current);
    float[] result = new float[100];
    assertEquals(0, JCudaDriver.cuMemcpyDtoH(Pointer.to(result), pointer, 400));
    assertEquals(5f * (99 - 50), result[99]);
    JCudaDriver.cuMemFree(pointer);
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuCtxDestroy(context);
    assertEquals(contexts, EmulatedDriver.live("contexts"));
  }

  /** A graph that this library does not know of would work on memory that others have by then. */
  @Test
  void aUsersOwnCaptureGetsNoMemory() {
    CUstream stream = new CUstream();
    long context = device.contextHandle();
    JCudaDriver.cuCtxPushCurrent(Handles.context(context));
    assertEquals(0, JCudaDriver.cuStreamCreate(stream, 1));
    try (CudaDevice mine = CudaDevice.of(context, Handles.of(stream));
        CudaModule module = Samples.load(mine)) {
      Tensor x = mine.upload(ramp(100));
      Tensor y = mine.upload(ramp(100));
      JCudaDriver.cuStreamSynchronize(stream);
      assertEquals(0, JCudaDriver.cuStreamBeginCapture(stream, 2));
      String words = "while your stream is being captured";
      assertSays(IllegalStateException.class, words, () -> mine.upload(ramp(1)));
      assertSays(IllegalStateException.class, words, () -> mine.download(x));
      assertSays(IllegalStateException.class, words, () -> mine.scratch(8));
      Samples.scale(mine, module.kernel("sample_scale"), x, y, 5);
      CUgraph graph = new CUgraph();
      assertEquals(0, JCudaDriver.cuStreamEndCapture(stream, graph));
      JCudaDriver.cuGraphDestroy(graph);
      mine.free(x);
      mine.free(y);
    }
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuCtxPopCurrent(new CUcontext());
  }

  @Test
  void whatWasCurrentIsSoAgain() {
    CUcontext current = new CUcontext();
    JCudaDriver.cuCtxGetCurrent(current);
    assertEquals(new CUcontext(), current, "none");
    CUcontext other = new CUcontext();
    JCudaDriver.cuCtxCreate(other, 0, new CUdevice());
    device.free(device.upload(ramp(10)));
    JCudaDriver.cuCtxGetCurrent(current);
    assertEquals(other, current);
    JCudaDriver.cuCtxDestroy(other);
  }
}
