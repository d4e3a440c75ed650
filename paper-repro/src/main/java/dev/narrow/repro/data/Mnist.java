package dev.narrow.repro.data;

import java.net.URI;

/**
 * MNIST: 28 × 28 images of handwritten digits in levels 0 to 255, in gzipped IDX files. Levels
 * become level / 255, rounded to float32.
 *
 * @param trainImages the training images
 * @param trainLabels their labels
 * @param testImages the test images
 * @param testLabels their labels
 */
record Mnist(
    PublishedFile trainImages,
    PublishedFile trainLabels,
    PublishedFile testImages,
    PublishedFile testLabels) {
  static final Mnist PUBLISHED =
      new Mnist(
          file(
              "train-images-idx3-ubyte.gz",
              47_040_016,
              "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
          file(
              "train-labels-idx1-ubyte.gz",
              60_008,
              "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
          file(
              "t10k-images-idx3-ubyte.gz",
              7_840_016,
              "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
          file(
              "t10k-labels-idx1-ubyte.gz",
              10_008,
              "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"));

  static final int SIDE = 28;
  private static final int CLASSES = 10;

  private static PublishedFile file(String name, int size, String sha256) {
    URI folder = URI.create("https://ossci-datasets.s3.amazonaws.com/mnist/");
    return new PublishedFile("mnist", name, folder.resolve(name), true, size, sha256);
  }

  Dataset load(DataLocator locator) {
    return new Dataset(
        "mnist",
        CLASSES,
        SIDE,
        SIDE,
        split(locator, trainImages, trainLabels),
        split(locator, testImages, testLabels),
        "MNIST database of handwritten digits, Y. LeCun, C. Cortes and C. J. C. Burges, 1998,"
            + " https://ossci-datasets.s3.amazonaws.com/mnist/, CC BY-SA 3.0");
  }

  private static Split split(DataLocator locator, PublishedFile images, PublishedFile labels) {
    float[] x = Idx.images(locator.read(images), images.path(), SIDE);
    int[] y = Idx.labels(locator.read(labels), labels.path(), CLASSES);
    if (x.length != (long) y.length * SIDE * SIDE) {
      throw new DataException(
          String.format(
              "%s: expected a label for each of the %d images of %s, found %d",
              labels.path(), x.length / (SIDE * SIDE), images.path(), y.length));
    }
    return new Split(x, y, SIDE * SIDE);
  }
}
