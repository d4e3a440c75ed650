package dev.narrow.amp.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Ops;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectorPageTest {
  @TempDir Path directory;

  private Path ndjson = Path.of("");

  /** A layer with a name that a page must not take for markup, and gradients that fp16 flushes. */
  @BeforeEach
  void run() throws IOException {
    ndjson = directory.resolve("run.ndjson");
    Tensor w = Tensor.of(new float[] {1, 2}, 1, 2);
    Tensor x = Tensor.of(new float[] {0.5f, 3}, 2, 1);
    Tensor dy = Tensor.of(new float[] {0x1p-26f, 0x1p-27f, 0x1p-20f, 0x1p-28f}, 2, 2);
    try (Inspector inspector =
        Inspector.open(ndjson, InspectorOptions.every(2).whatIf("bf16", "mxfp8"))) {
      Autocast autocast = inspector.observe(Autocast.with(AmpPolicy.fp16()).on(Backend.cpu(1)));
      for (int step = 0; step < 5; step++) {
        autocast.run(() -> {
          Ops.linear("<script>alert(1)</script>", x, w, null);
          Ops.linearBackward("<script>alert(1)</script>", x, w, dy, Tensor.zeros(1, 2), null);
        });
      }
    }
  }

  @Test
  void thePageTellsWhatIsWrong() throws IOException {
    String page = InspectorPage.render(ndjson);
    assertTrue(page.contains("3 steps sampled, 0 to 4; 4 tensors."), page);
    assertTrue(
        page.contains("activation-gradient: 75 % flushed to zero in fp16: raise the loss scale"),
        page);
    for (String heading :
        new String[] {"the worst first", "Over the steps", "Magnitudes", "What if", "Casts"}) {
      assertTrue(page.contains(heading), heading);
    }
  }

  @Test
  void thePageNeedsNothingElseAndRunsNoScriptButItsOwn() throws IOException {
    String page = InspectorPage.render(ndjson);
    assertFalse(page.contains("<script>alert"));
    assertTrue(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assertEquals(2, page.split("<script", -1).length, "one script");
    assertTrue(page.contains("default-src 'none'"));
    assertFalse(page.contains("http:") || page.contains("https:") || page.contains("url("));
  }

  @Test
  void aPageIsNotOverwritten() throws IOException {
    Path html = directory.resolve("run.html");
    InspectorPage.write(ndjson, html);
    assertEquals(InspectorPage.render(ndjson), Files.readString(html));
    assertThrows(IOException.class, () -> InspectorPage.write(ndjson, html));
  }
}
